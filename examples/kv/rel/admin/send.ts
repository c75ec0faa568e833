import { defineCommand } from '@sarma/app';
import { Client, parseNodes } from 'kv';

export default defineCommand({
  description: 'Sends a command to a node: send PUT shopping milk 1',
  arguments: ['<command>...'],
  options: { to: { type: 'string', description: 'HOST:PORT (127.0.0.1:4040)', default: '127.0.0.1:4040' } },
  async run({ args, options }) {
    const [node] = parseNodes(`node=${options.to}`);
    const client = new Client(node!.host, node!.port);
    const lines = await client.send(args.join(' '));
    client.close();
    console.log(lines.join('\n'));
    return lines.at(-1) === 'OK' ? 0 : 1;
  },
});
