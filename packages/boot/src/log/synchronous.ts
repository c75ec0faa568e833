/**
 * Makes what is printed reach a pipe before the call that printed it returns, as it is with files and terminals: on
 * pipes Node buffers, and `process.exit()` loses what has not gone out. Only for daemons, whose log is read by a
 * carrier that never stops reading; any other reader could hold the node up.
 */
export function printSynchronously(): void {
  for (const stream of [process.stdout, process.stderr]) {
    // Not documented, and what everybody who needs this uses; without it there is only the risk described above.
    (stream as { _handle?: { setBlocking?(isBlocking: boolean): void } })._handle?.setBlocking?.(true);
  }
}
