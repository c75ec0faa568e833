// What the other packages of Sarma share with this one. Not for applications: it may change with every version.
export { deepMerge, isPlainObject } from './deep-merge.ts';
export { type EnvMarker, type EnvType, isEnvMarker, readEnv } from './env.ts';
export { EnvironmentError, resolveEnvMarkers } from './env-markers.ts';
export { isSecretName, MASK, masked } from './secrets.ts';
