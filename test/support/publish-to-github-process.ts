import { gitHubToken, publishToGitHub } from '@sarma/publish';

// A process that publishes what it is told to: `[version, place]` as JSON. It says its events, and at last the most memory
// that it had, in bytes.
const [version, place] = JSON.parse(process.argv[2]!);
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`);
await publishToGitHub(version, {
  place,
  token: gitHubToken(place, process.env),
  tag: 'v{version}',
  isMain: true,
  commit: undefined,
  onEvent: say,
});
say({ type: 'memory', most: process.resourceUsage().maxRSS * 1024 });
