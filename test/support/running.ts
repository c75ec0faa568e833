import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** A program that has printed its first line and waits. */
export interface RunningProgram {
  readonly pid: number;
  /** Sends a line to its stdin and returns all that it printed until it ended. */
  say(line: string): Promise<string>;
  stop(): Promise<void>;
}

/** `env` is added to the environment. */
export async function startProgram(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<RunningProgram> {
  const child = spawn(file, args, { env: { ...process.env, ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const closed = once(child, 'close');
  await Promise.race([once(child.stdout, 'data'), closed]);
  if (child.exitCode !== null) throw new Error(`${file} ended with ${child.exitCode}`);
  return {
    pid: child.pid!,
    say: async (line) => {
      child.stdin.end(`${line}\n`);
      await closed;
      return output;
    },
    stop: async () => {
      child.kill();
      await closed;
    },
  };
}
