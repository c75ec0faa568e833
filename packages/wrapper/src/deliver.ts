import type { Delivered } from './artifact.ts';
import { type Contents, contentSize } from './contents.ts';
import { writeExecutable } from './outputs.ts';
import type { BuildContext } from './phases.ts';
import { type Signing, signExecutable } from './sign.ts';
import type { Target } from './targets.ts';

/** Takes a finished executable to where it belongs. */
export type Deliver = (
  build: Pick<BuildContext, 'target' | 'release' | 'settings'>,
  program: string,
  contents: Contents,
) => Promise<Delivered>;

/** What delivering needs besides. */
export type Delivery = Pick<Signing, 'directory' | 'signal' | 'onEvent'>;

/** Signs executables where the settings have a command for it, and gives them their names. */
export function deliverTo(fileOf: (program: string, target: Target) => string, delivery: Delivery): Deliver {
  return async ({ target, release, settings }, program, contents) => {
    const file = fileOf(program, target);
    const key = SIGN_KEYS[target.os];
    const command = key && settings[key].sign;
    if (command === undefined) {
      return {
        file,
        bytes: contentSize(contents),
        replaced: await writeExecutable(file, contents),
        sidecars: [],
      };
    }
    const { version } = release;
    const signing = { ...delivery, command, key: `wrap.${key}.sign`, target, name: program, version };
    return await signExecutable(file, contents, signing);
  };
}

/** Where a release says what signs the executables of a system. */
const SIGN_KEYS = { linux: undefined, darwin: 'macos', win: 'windows' } as const;
