import { errorText } from '../error-text.ts';
import type { RunningNode } from '../running-node.ts';
import { type Predecessor, Successor } from '../sockets/index.ts';
import { makePermanent, permanentVersion } from '../versions/permanent.ts';

// What a node has to do again whose successor has failed.

/** Has plain starts start that version as before: the successor may have got as far as to be that. Never rejects. */
export async function makePermanentAgain(
  { boot, environment }: RunningNode,
  version: string | undefined,
): Promise<void> {
  if (version === undefined || (await permanentVersion(environment)) === version) return;
  const from = { version: boot.version, executable: environment.executable };
  await makePermanent({ version }, environment, { from }).catch((error) => {
    process.stderr.write(`${boot.name}: ${errorText(error)}\n`);
  });
}

/** The applications were stopped for an exclusive upgrade: they start as they would in a successor. */
export async function startAgain(
  node: RunningNode,
  sockets: Predecessor,
  spares: ReadonlyMap<string, object>,
): Promise<void> {
  const again = new Successor(node.servers);
  for (const [key, handle] of sockets.takeBack(spares)) again.adopt(key, handle);
  again.standIn();
  again.take();
  await node.startAgain();
  for (const { key, head, handle } of sockets.given) again.takeConnection(key, head, handle);
  again.forget();
}
