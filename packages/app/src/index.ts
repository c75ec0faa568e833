export type { Configuration, ReleaseInfo } from './state.ts';
