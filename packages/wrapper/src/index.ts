export type { OnEvent, Phase, WrapEvent } from './events.ts';
