import { parseArgs } from 'node:util';
import type { CommandContext } from '../context.ts';
import { ask } from '../control/client.ts';
import { FORMAT } from '../control/request.ts';
import { BootError } from '../error.ts';
import { costText } from '../reload/cost-text.ts';
import { findVersion } from '../reload/find-version.ts';
import type { ApplicationChange, ReloadPlan } from '../reload/plan.ts';
import type { ReloadRequest, ReloadResult } from '../reload/request.ts';

/** Another version's code into the running node, whose connections stay open. */
export async function run(context: CommandContext): Promise<number> {
  const { boot, environment, args, stdout, stderr } = context;
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      'restart-changed': { type: 'boolean', default: false },
      'dry-run': { type: 'boolean', default: false },
      'no-permanent': { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const dryRun = values['dry-run'];
  const request: ReloadRequest = {
    ...(await findVersion(context, positionals[0], { dryRun })),
    restartChanged: values['restart-changed'],
    isPermanent: !values['no-permanent'],
    dryRun,
  };
  const say = ({ progress }: { readonly progress?: unknown }) => void stderr.write(`${progress}.\n`);
  const params = { ...request, format: FORMAT };
  const result = (await ask(boot, environment, 'reload', params, say)) as ReloadResult;
  const { plan, record, problems } = result;
  if (!values.json && !dryRun) return showReloaded(context, result);
  const json = JSON.stringify({ plan, record: record ?? null, problems }, null, 2);
  stdout.write(values.json ? `${json}\n` : planText(plan, request));
  return exitCode(result);
}

/** Says what was done. Throws BootError RELOADED_BADLY where something failed of it. */
export function showReloaded({ environment, stdout }: CommandContext, result: ReloadResult): number {
  stdout.write(doneText(environment.node, result));
  return exitCode(result);
}

function exitCode({ plan, problems }: ReloadResult): number {
  if (problems.length === 0) return 0;
  throw new BootError('RELOADED_BADLY', `${plan.to} runs now, but:\n${problems.join('\n')}`);
}

function doneText(node: string, { plan, record }: ReloadResult): string {
  const changed = plan.applications.filter(({ change }) => change !== 'none');
  return [
    `${node} runs ${plan.to} (before: ${plan.from}).`,
    ...changed.map((one) => `  ${changeText(one)}`),
    `  ${costText(record!.cost)}`,
    '',
  ].join('\n');
}

/** What `--dry-run` says. */
export function planText(
  plan: ReloadPlan,
  { restartChanged }: Pick<ReloadRequest, 'restartChanged'>,
): string {
  const { obstacles, packages, applications } = plan;
  const changed = applications.filter(({ change }) => change !== 'none');
  return [
    verdict(plan, restartChanged),
    ...obstacles.map(({ message }) => `  ${message}`),
    ...(packages.length === 0 ? [] : ['Packages that differ:']),
    ...packages.map(({ name, because }) =>
      because === 'content' ? `  ${name}` : `  ${name} (it imports ${because.join(', ')})`,
    ),
    ...(changed.length === 0 ? [] : ['Applications:']),
    ...changed.map((one) => `  ${changeText(one)}`),
    '',
  ].join('\n');
}

function verdict({ from, to, obstacles, applications }: ReloadPlan, restartChanged: boolean): string {
  if (obstacles.length > 0) return `${to} cannot be loaded into ${from}:`;
  const restarted = applications.filter(({ change }) => change === 'restart').map(({ name }) => name);
  return restarted.length === 0 || restartChanged
    ? `${to} can be loaded into ${from}.`
    : `${to} can be loaded into ${from} with --restart-changed, and without it is refused: ${restarted.join(', ')} changed without a codeChange.`;
}

const DONE: Readonly<Record<ApplicationChange['change'], string>> = {
  none: 'unchanged',
  load: 'new code, not started',
  reload: 'new code, with its state',
  restart: 'new code, stopped and started',
  start: 'started',
  stop: 'stopped',
};

function changeText({ name, from, to, change }: ApplicationChange): string {
  const versions = from === to || from === null || to === null ? (to ?? from) : `${from} → ${to}`;
  return `${name} ${versions}: ${DONE[change]}`;
}
