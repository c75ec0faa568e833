import path from 'node:path';
import type { AssembledRelease } from '../release.ts';

/** Something a person may want to do with a release next. */
export interface StartHelp {
  readonly what: string;
  readonly command: string;
}

/** How an assembled service is started, talked to and stopped; nothing for programs, which are simply run. */
export function startHelp({ path: root, name, kind }: AssembledRelease): readonly StartHelp[] {
  if (kind !== 'service') return [];
  const program = path.join(root, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
  return [
    { what: 'start it', command: `${program} start` },
    { what: 'start it in the background', command: `${program} daemon` },
    { what: 'connect to it', command: `${program} remote` },
    { what: 'stop it', command: `${program} stop` },
    { what: 'list its commands', command: `${program} help` },
  ];
}
