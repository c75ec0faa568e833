import { parseArgs } from 'node:util';
import { loadConfiguration } from '../configuration.ts';
import type { CommandContext } from '../context.ts';
import { examineAddons } from '../doctor/addons.ts';
import { examineDatabases } from '../doctor/databases.ts';
import { type Examination, type Finding, ok, type Patient, problem } from '../doctor/finding.ts';
import { examinePorts } from '../doctor/ports.ts';
import { examineRelease, examineRuntime } from '../doctor/release.ts';
import { examineCookie, examineNodes, examineState } from '../doctor/state.ts';
import { BootError } from '../error.ts';
import { errorText } from '../error-text.ts';
import { nodeInfo } from '../node-info.ts';
import { setProcessEnvironment } from '../process-environment.ts';

const examinations: readonly Examination[] = [
  examineRuntime,
  examineRelease,
  examineState,
  examineCookie,
  examineNodes,
  examineAddons,
  examinePorts,
  examineDatabases,
];

/** A line for each thing that was looked at. Exit code 1 when there is a problem. */
export async function run(context: CommandContext): Promise<number> {
  const { values } = parseArgs({ args: [...context.args], options: { json: { type: 'boolean' } } });
  const findings: Finding[] = [];
  const patient = await meet(context, findings);
  for (const examine of examinations) findings.push(...(await examine(patient)));
  const { stdout } = context;
  if (values.json) stdout.write(`${JSON.stringify(findings, null, 2)}\n`);
  else
    for (const { level, subject, message } of findings)
      stdout.write(`${level.padEnd(7)}  ${subject}: ${message}\n`);
  return findings.some(({ level }) => level === 'problem') ? 1 : 0;
}

/** What cannot be found out is a finding, and keeps nobody from looking at the rest. */
async function meet(context: CommandContext, findings: Finding[]): Promise<Patient> {
  const { boot, environment } = context;
  setProcessEnvironment(boot, environment);
  const configuration = await loadConfiguration(boot, environment).catch((error: unknown) => {
    findings.push(problem('configuration', errorText(error)));
    return undefined;
  });
  if (configuration !== undefined) findings.push(ok('configuration', 'can be loaded'));
  const running = await nodeInfo(boot, environment).catch((error: unknown) => {
    if (!(error instanceof BootError)) throw error;
    findings.push(problem('node', error.message));
    return 'unknown' as const;
  });
  return { ...context, configuration, running };
}
