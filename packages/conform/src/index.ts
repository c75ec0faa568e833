// Configuration in .conf files, for people who do not program.
export type {
  BlankLine,
  Comment,
  ConfFile,
  ConfLine,
  List,
  Pair,
  Position,
  Setting,
  Text,
  Value,
} from './conf-file.ts';
export { needConf, readConf } from './conf-text.ts';
export { type ConfigureOptions, configure } from './configure.ts';
export type { Address, CustomDatatype, Datatype, Input, ValueOf } from './datatypes/datatype.ts';
export { describeDatatype } from './datatypes/describe.ts';
export { formatValue } from './datatypes/format.ts';
export { type Effective, type EffectiveEntry, type EffectiveInput, effective } from './effective.ts';
export { ConformError, type ConformErrorCode, describeProblem, type Problem } from './error.ts';
export type { ConfigurationOf } from './inferred.ts';
export { parseKey, printKey } from './key.ts';
export { allMappings, type ResolvedMapping } from './mappings.ts';
export { newSchema } from './new.ts';
export { parse } from './parse.ts';
export { print } from './print.ts';
export { type ConformOptions, type ConformState, default } from './provider.ts';
export { defineSchema, type Mapping, type Schema } from './schema.ts';
export { inSchema, schemaOf } from './schema-of.ts';
export { findConf } from './shipped.ts';
export type { Source } from './source.ts';
export type { Conf, Entry, Transform } from './transforms.ts';
export { type TranslateOptions, type Translation, translate } from './translate.ts';
export { range, type Validator, type Verdict } from './validators.ts';
