import { accessSync, constants, existsSync, readdirSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { readCookie } from '../control/cookie.ts';
import { isListening, type NodeRecord, nodesDirectory, readRecord } from '../control/node-record.ts';
import { BootError } from '../error.ts';
import { type Finding, ok, type Patient, problem, warning } from './finding.ts';
import { megabytes } from './release.ts';

const LITTLE_SPACE = 100e6;

/** Whether the state directory is there, or can be made, can be written to, and has room. */
export function examineState({ environment: { mutableDirectory, readOnly } }: Patient): Finding[] {
  const subject = 'state directory';
  const isThere = existsSync(mutableDirectory);
  const existing = isThere ? mutableDirectory : nearestExisting(mutableDirectory);
  if (readOnly) return [ok(subject, `${mutableDirectory} is not written to (RELEASE_READ_ONLY)`)];
  if (!isWritable(existing)) {
    return [
      problem(
        subject,
        `${existing} is not writable for this user, so ${isThere ? 'nothing can be kept there' : `${mutableDirectory} cannot be made`}. Change its owner, or set RELEASE_MUTABLE_DIR to another directory.`,
      ),
    ];
  }
  const free = freeBytes(existing);
  if (free < LITTLE_SPACE) {
    return [
      warning(subject, `only ${megabytes(free)} are free at ${existing}. Make room before the log needs it.`),
    ];
  }
  const note = isThere ? '' : ' (the first start makes it)';
  return [ok(subject, `${mutableDirectory}${note}, ${megabytes(free)} free`)];
}

function nearestExisting(directory: string): string {
  return existsSync(directory) ? directory : nearestExisting(path.dirname(directory));
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isForOthers(directory: string): boolean {
  try {
    accessSync(directory, constants.R_OK | constants.X_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/** A cookie that others can read lets them control the node. */
export function examineCookie({ boot, environment }: Patient): Finding[] {
  try {
    const isThere = readCookie(environment, boot) !== undefined;
    if (!isThere) return [ok('cookie', 'none yet (the first start makes it)')];
  } catch (error) {
    if (error instanceof BootError) return [problem('cookie', error.message)];
    throw error;
  }
  if (environment.cookie !== undefined) return [ok('cookie', 'RELEASE_COOKIE is used')];
  if (boot.cookie !== undefined) return [ok('cookie', "the release's own is used")];
  return [ok('cookie', 'there is one, for its owner alone')];
}

/** Whether the node runs, and what nodes that died left behind. */
export async function examineNodes({ environment, running }: Patient): Promise<Finding[]> {
  const { node } = environment;
  const directory = nodesDirectory(environment);
  // Those of another user: whoever tried to find out whether the node runs has said so.
  if (isForOthers(directory)) return [];
  const findings: Finding[] = [];
  if (running === undefined) findings.push(ok('node', `${node} does not run`));
  else if (running !== 'unknown') findings.push(ok('node', `${node} runs (PID ${running.pid})`));
  for (const { name, record } of records(directory)) {
    if (await isListening(record)) continue;
    findings.push(
      warning(
        'node',
        `${name} (PID ${record.pid}) is gone and left its record behind. Its next start clears it away.`,
      ),
    );
  }
  return findings;
}

function records(directory: string): readonly { readonly name: string; readonly record: NodeRecord }[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory).flatMap((file) => {
    const record = file.endsWith('.json') ? readRecord(path.join(directory, file)) : undefined;
    return record === undefined ? [] : [{ name: path.basename(file, '.json'), record }];
  });
}
