export { Client } from './client.ts';
export { type Bucket, Registry } from './registry.ts';
export { parseNodes, type Route, type RoutingTable, route } from './routing.ts';
export { registry } from './running.ts';
