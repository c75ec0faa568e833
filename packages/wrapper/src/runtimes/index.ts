export { type RuntimeRequest, resolveRuntimes } from './resolve.ts';
export type { Runtime } from './runtime.ts';
