import { inspect } from 'node:util';
import { expect, test } from 'vitest';
import type { Fault } from '../../../test/support/github-server.ts';
import { onGitHub, stagedVersion, UPLOAD } from './support/on-github.ts';

const CREATE = 'repos/create-release';
const UPDATE = 'repos/update-release';
const LIST = 'repos/list-releases';
const ASSETS = 'repos/list-release-assets';
const DELETE = 'repos/delete-release-asset';

const SECONDARY = 'You have exceeded a secondary rate limit.';

test.concurrent.for([
  [LIST, 'the list of releases', { status: 502 }],
  [CREATE, 'the new release', { status: 500 }],
  [UPLOAD, 'a file', { status: 502 }],
  [ASSETS, 'the list of files', { status: 503 }],
  [UPDATE, 'publishing', { status: 500 }],
  [LIST, 'a connection that is cut: the list of releases', { lost: true }],
  [CREATE, 'an answer that is lost: the new release', { lost: true }],
  [UPLOAD, 'an answer that is lost: a file', { lost: true }],
  [UPDATE, 'an answer that is lost: publishing', { lost: true }],
  [LIST, 'an answer that is cut: the list of releases', { halved: true }],
  [CREATE, 'an answer that is cut: the new release', { halved: true }],
  [UPLOAD, 'an answer that is cut: a file', { halved: true }],
  [ASSETS, 'an answer that is cut: the list of files', { halved: true }],
  [UPDATE, 'an answer that is cut: publishing', { halved: true }],
  [UPLOAD, 'a connection that is cut: half of a file', { cutAfter: 100_000 }],
  [UPLOAD, 'wrong bytes', { wrongBytes: true }],
] as const satisfies [string, string, Fault][])(
  'GitHub fails (%s, %s), and the version is published once and whole',
  async ([operation, , fault], t) => {
    const { server, publish, expectPublished } = await onGitHub(t);
    const version = await stagedVersion();
    server.fail(operation, fault);
    const { notices } = await publish(version);
    // Of a file whose answer alone was lost nothing is to be said: it lies there.
    if (operation !== UPLOAD || !('lost' in fault || 'halved' in fault)) expect(notices).not.toBe('');
    await expectPublished(version);
    expect(server.releases).toHaveLength(1);
    expect(server.releases[0]!.assets).toHaveLength(4);
  },
);

test.concurrent('what arrived is not sent again when the answer was lost', async (t) => {
  const { server, publish, count } = await onGitHub(t);
  server.fail(UPLOAD, { lost: true });
  await publish(await stagedVersion());
  expect(count(UPLOAD)).toBe(4);
});

test.concurrent('half a file that cannot be deleted at once is deleted later', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  const version = await stagedVersion();
  server.fail(UPLOAD, { cutAfter: 100_000 });
  server.fail(DELETE, { lost: true });
  await publish(version);
  await expectPublished(version);
});

test.concurrent('wrong bytes again and again leave a draft, and a sentence that names the file', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  const version = await stagedVersion('1.2.0', { 'hello_linux-x64': 1000 });
  server.fail(UPLOAD, { wrongBytes: true }, 100);
  await expect(publish(version)).rejects.toMatchObject({
    code: 'UPLOAD_FAILED',
    message: expect.stringContaining('hello_linux-x64: what arrived is not what was sent'),
  });
  expect(server.releases).toMatchObject([{ draft: true }]);
  server.forgive();
  await publish(version);
  await expectPublished(version);
});

test.concurrent.for([
  ['a secondary limit', { status: 403, message: SECONDARY, headers: { 'retry-after': '1' } }],
  ['too many requests', { status: 429, message: 'Too many requests', headers: { 'retry-after': '1' } }],
  ['the limit of an hour', { status: 403, message: 'API rate limit exceeded', headers: reset(1) }],
] as const satisfies [string, Fault][])('%s is waited for, and a line says so', async ([, fault], t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  const version = await stagedVersion();
  for (const operation of [LIST, CREATE, UPLOAD]) server.fail(operation, fault);
  const { notices } = await publish(version);
  expect(notices.match(/GitHub takes no more requests for now: going on in \d s\./g)).toHaveLength(3);
  await expectPublished(version);
  expect(server.releases).toHaveLength(1);
});

test.concurrent('a limit of more than some minutes is not waited for', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  const version = await stagedVersion();
  server.fail(UPLOAD, { status: 403, message: 'API rate limit exceeded', headers: reset(1800) });
  await expect(publish(version)).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    message: expect.stringMatching(/for 3[01] minutes \(until \d\d:\d\d UTC\)\. What was uploaded stays/),
  });
  await publish(version);
  await expectPublished(version);
});

test.concurrent('who stops it does not wait for a limit', async (t) => {
  const { server, publish } = await onGitHub(t);
  const stop = new AbortController();
  server.fail(UPLOAD, { status: 429, message: SECONDARY }, 4);
  const stopped = publish(await stagedVersion(), {
    signal: stop.signal,
    onEvent: ({ type }) => type === 'notice' && stop.abort(new Error('stopped')),
  });
  await expect(stopped).rejects.toThrow('stopped');
});

test.concurrent('who stops it does not wait for an upload, and can go on later', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  const version = await stagedVersion();
  const stop = new AbortController();
  const never = async () => {
    stop.abort(new Error('stopped'));
    await new Promise(() => {});
  };
  server.fail(UPLOAD, { until: never });
  await expect(publish(version, { signal: stop.signal })).rejects.toThrow('stopped');
  server.forgive();
  await publish(version);
  await expectPublished(version);
});

test.concurrent.for([
  ['a wrong token', 401, 'TOKEN_REFUSED', 'does not take the token'],
  ['a token that may only read', 403, 'NOT_ALLOWED', 'permissions: { contents: write }'],
  ['a repository that is not there', 404, 'NO_REPOSITORY', 'there is no octo/hello at'],
] as const)('%s is said in a sentence, without the token', async ([, status, code, said], t) => {
  const { server, publish } = await onGitHub(t);
  if (status === 403) server.permission = 'read';
  if (status === 404) server.permission = 'none';
  const token = status === 401 ? `${server.token}x` : server.token;
  const error = await publish(await stagedVersion(), { token }).catch((thrown: Error) => thrown);
  expect(error).toMatchObject({ code, message: expect.stringContaining(said) });
  expect(inspect(error, { depth: 20, showHidden: true })).not.toContain(server.token);
});

test.concurrent('what GitHub refuses to do with a draft is said as it is', async (t) => {
  const { server, publish } = await onGitHub(t);
  server.fail(UPDATE, { status: 422, message: 'Validation Failed' }, 2);
  const version = await stagedVersion('1.2.0', { 'latest.json': 400 });
  await expect(publish(version, { draft: true })).rejects.toThrow('GitHub refuses to change the draft in');
  await expect(publish(version)).rejects.toThrow('GitHub refuses to publish the release in');
  await publish(version);
  server.fail(UPDATE, { status: 422, message: 'Validation Failed' });
  const other = await stagedVersion('1.2.0', { 'latest.json': 400 });
  await expect(publish(other, { clobber: true })).rejects.toThrow('make the release a draft again in');
});

test.concurrent('the token is not sent to another host that GitHub leads to', async (t) => {
  const { server, publish } = await onGitHub(t);
  server.fail(LIST, { status: 301, headers: { location: `${server.storage}/elsewhere` } });
  await expect(publish(await stagedVersion())).rejects.toThrow('there is no octo/hello');
});

function reset(seconds: number) {
  const at = Math.floor(Date.now() / 1000) + seconds;
  return { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(at) };
}
