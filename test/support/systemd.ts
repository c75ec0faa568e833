import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect } from 'vitest';
import { run, temporaryDirectory } from './run.ts';
import type { Installed } from './services.ts';

/**
 * What a shell script prints, line by line, in which `systemctl --user` speaks to a real manager of its own, in a /run
 * and among processes that nobody else sees. `$1` is the service's program, `$2` and so on are `args`; `until_true COMMAND` waits until it is.
 * Needs `mounts`, `pidNamespaces` and `systemd`
 * (requirements.ts).
 */
export async function underSystemd(
  { command, env }: Installed,
  script: string,
  args: readonly string[] = [],
): Promise<readonly string[]> {
  const file = path.join(await temporaryDirectory(), 'as-systemd.sh');
  await writeFile(file, `${MANAGER}\n${script}`);
  // Whatever the manager has started ends with it, also where it comes to nothing.
  const own = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const { stdout, stderr, exitCode } = await run('unshare', [...own, 'sh', file, command, ...args], {
    env: { ...env, XDG_CONFIG_HOME: path.join(env.HOME!, '.config') },
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  return stdout.split('\n').slice(0, -1);
}

const MANAGER = `
mount -t tmpfs none /run && mkdir -p /run/systemd/system /run/user/0 && chmod 700 /run/user/0 || exit 90
export XDG_RUNTIME_DIR=/run/user/0
/lib/systemd/systemd --user --log-target=null >/dev/null 2>&1 &
manager=$!
trap 'kill $manager; wait $manager' EXIT
until_true() {
  for i in $(seq 300); do "$@" >/dev/null 2>&1 && return; sleep 0.1; done
  echo "never: $*" >&2
}
until_true systemctl --user is-system-running
`;
