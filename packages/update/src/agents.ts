import { Agent as OpenAgent } from 'node:http';
import { Agent as EncryptedAgent } from 'node:https';

/** What connections are made by. */
export interface Agents {
  readonly open: OpenAgent;
  readonly encrypted: EncryptedAgent;
}

/**
 * By way of HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in small or in capital letters, from Node 24.5 and 22.21 on; older ones take no
 * notice. Throws what Node throws of an address that is none.
 */
export function agentsFor(env: NodeJS.ProcessEnv): Agents {
  const proxyEnv = Object.fromEntries(
    Object.entries(env).map(([name, value]) => [
      name,
      /^https?_proxy$/i.test(name) ? withScheme(value) : value,
    ]),
  );
  // Connections are kept as the agents that Node has itself keep them.
  const options = { keepAlive: true, timeout: 5000, proxyEnv };
  return { open: new OpenAgent(options), encrypted: new EncryptedAgent(options) };
}

/** `proxy.example.org:3128`, as curl takes it, is one of HTTP. */
function withScheme(proxy = ''): string {
  return proxy === '' || proxy.includes('://') ? proxy : `http://${proxy}`;
}
