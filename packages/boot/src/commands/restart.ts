import { setTimeout as wait } from 'node:timers/promises';
import type { BootFile } from '../boot-file.ts';
import type { CommandContext } from '../context.ts';
import { connect } from '../control/client.ts';
import type { ReleaseEnvironment } from '../environment.ts';
import { BootError } from '../error.ts';
import { stopLimit } from './stop.ts';

/** Milliseconds that the new start may take beyond what the old one takes to stop. */
const START_TIME = 30_000;

/** Stops the applications, starts the release again in the same process, and returns when it answers. */
export async function run({ boot, environment, stdout }: CommandContext): Promise<number> {
  const latest = Date.now() + stopLimit(boot, process.env) + START_TIME;
  const client = await connect(boot, environment);
  const before = (await client.call('info', {})) as Info;
  await client.call('restart', {});
  await client.closed;
  for (let pause = 20; Date.now() < latest; pause = Math.min(pause * 1.5, 250)) {
    await wait(pause);
    const now = await info(boot, environment);
    if (now === undefined || now.run === before.run || !isUp(now)) continue;
    stdout.write(`${environment.node} has restarted (PID ${now.pid}).\n`);
    return 0;
  }
  throw new BootError(
    'NOT_RESTARTED',
    `${environment.node} has stopped and does not answer again. What it printed says why; a daemon's is in its log.`,
  );
}

interface Info {
  /** Another one for every start. */
  readonly run: string;
  readonly pid: number;
  readonly applications: readonly { readonly state: string }[];
}

function isUp({ applications }: Info): boolean {
  return applications.every(({ state }) => state !== 'starting');
}

/** Undefined while there is nobody, or nobody who answers yet. */
async function info(boot: BootFile, environment: ReleaseEnvironment): Promise<Info | undefined> {
  try {
    const client = await connect(boot, environment);
    const now = (await client.call('info', {})) as Info;
    client.close();
    return now;
  } catch (error) {
    if (error instanceof BootError && ['NOT_RUNNING', 'NOT_ANSWERING', 'HUNG_UP'].includes(error.code))
      return undefined;
    throw error;
  }
}
