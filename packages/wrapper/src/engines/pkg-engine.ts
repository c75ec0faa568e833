import { fetchRuntimes, type RuntimeRequest } from '../runtimes/resolve.ts';
import { hostTarget, loadTargets } from '../targets.ts';
import { type PkgTools, pkgSteps } from './pkg.ts';

/** What the engine pkg needs; it also needs a runtime of this machine, of the targets' version. */
export async function pkgEngine(
  options: RuntimeRequest & Pick<PkgTools, 'signal'>,
  fileOf: PkgTools['fileOf'],
  withChecksums: boolean,
): Promise<{ readonly steps: ReturnType<typeof pkgSteps>; readonly request: RuntimeRequest }> {
  const { project, targets, perTarget = false, signal, onEvent = () => {} } = options;
  const host = hostTarget(await loadTargets(project));
  const hasHost = targets.some(({ name }) => name === host.name);
  const request = perTarget || hasHost ? options : { ...options, targets: [...targets, host] };
  const hostRuntime = async (version: string) => {
    const { runtimes, failures } = await fetchRuntimes({ ...options, targets: [host], range: version });
    const runtime = runtimes.get(host.name);
    if (runtime === undefined) throw failures.get(host.name);
    return runtime;
  };
  return { steps: pkgSteps({ project, fileOf, hostRuntime, withChecksums, signal, onEvent }), request };
}
