import { createServer } from 'node:net';
import { type Finding, ok, type Patient, problem, warning } from './finding.ts';
import { configuredValues } from './values.ts';

interface Port {
  /** Where it is said. */
  readonly name: string;
  readonly port: number;
  readonly host: string | undefined;
  /** Whether the node is sure to listen there; it may be the port of a server that the node talks to. */
  readonly isOwn: boolean;
}

/** Whether the ports that the configuration names can be listened on. A running node has them itself. */
export async function examinePorts(patient: Patient): Promise<Finding[]> {
  if (patient.running !== undefined) return [];
  const findings: Finding[] = [];
  for (const port of portsOf(patient)) findings.push(await examine(port));
  return findings;
}

function portsOf({ configuration = {} }: Patient): readonly Port[] {
  const configured = [...configuredValues(configuration)].flatMap(({ name, key, value, siblings }) => {
    const port = /(^p|_p|P)ort$/.test(key) ? portNumber(value) : undefined;
    const host = [siblings.host, siblings.hostname].find((host) => typeof host === 'string');
    if (port === undefined || !isLocal(host)) return [];
    // `kv.port` is what an application listens on; `kv.database.port` may be anything.
    return [{ name, port, host, isOwn: name.split('.').length === 2 }];
  });
  const port = portNumber(process.env.PORT);
  const isKnown = port === undefined || configured.some((known) => known.port === port);
  return isKnown ? configured : [...configured, { name: 'PORT', port, host: undefined, isOwn: true }];
}

function portNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  // Zero means that the system is to choose one.
  return Number.isInteger(number) && (number as number) > 0 && (number as number) < 65536
    ? (number as number)
    : undefined;
}

function isLocal(host: string | undefined): boolean {
  return (
    host === undefined || ['localhost', '::', '::1', '0.0.0.0', ''].includes(host) || host.startsWith('127.')
  );
}

async function examine({ name, port, host, isOwn }: Port): Promise<Finding> {
  const subject = `port ${port}`;
  const code = await tryToListen(port, host);
  if (code === undefined) return ok(subject, `is free (${name})`);
  if (code === 'EADDRINUSE') {
    if (isOwn)
      return problem(subject, `is in use (${name}). Stop what listens there, or configure another one.`);
    return warning(
      subject,
      `is in use (${name}): right if that is the server to talk to, else configure another one.`,
    );
  }
  if (code === 'EACCES')
    return problem(subject, `is not for this user (${name}). Use one from 1024 on, or setcap.`);
  return warning(subject, `cannot be listened on (${name}): ${code}.`);
}

/** The error's code; undefined where it worked. */
function tryToListen(port: number, host: string | undefined): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}
