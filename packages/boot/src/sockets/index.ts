// What an upgrade needs of the sockets of a node. A start that is never upgraded loads servers.ts alone.
export { Predecessor, type SendConnection } from './predecessor.ts';
export { Successor } from './successor.ts';
