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
export type { Address, CustomDatatype, Datatype, Input, ValueOf } from './datatypes/datatype.ts';
export { describeDatatype } from './datatypes/describe.ts';
export { formatValue } from './datatypes/format.ts';
export { ConformError, type ConformErrorCode, describeProblem, type Problem } from './error.ts';
export type { ConfigurationOf } from './inferred.ts';
export { parseKey, printKey } from './key.ts';
export { allMappings, type ResolvedMapping } from './mappings.ts';
export { parse } from './parse.ts';
export { print } from './print.ts';
export { defineSchema, type Mapping, type Schema } from './schema.ts';
export type { Conf, Entry, Transform } from './transforms.ts';
export { type Source, type TranslateOptions, type Translation, translate } from './translate.ts';
export { range, type Validator, type Verdict } from './validators.ts';
