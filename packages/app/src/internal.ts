// What the other packages of Sarma share with this one. Not for applications: it may change with every version.
export { deepMerge, isPlainObject } from './deep-merge.ts';
export { isEnvMarker, isLikeEnvMarker } from './env.ts';
export { EnvironmentError, resolveEnvMarkers } from './env-markers.ts';
export { nearest } from './nearest.ts';
export { schemaName } from './schema-name.ts';
export { isSecretName, masked } from './secrets.ts';
