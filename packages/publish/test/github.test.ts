import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { onGitHub, stagedVersion, UPLOAD } from './support/on-github.ts';

const BUILT = 'b'.repeat(40);
const OTHER = 'a'.repeat(40);

test.concurrent('a version is a draft until all of it has arrived, and then what releases/latest leads to', async (t) => {
  const { server, publish, download, expectPublished, count } = await onGitHub(t);
  const version = await stagedVersion();
  expect((await publish(version, { draft: true })).state).toBe('draft');
  expect(await download('latest.json')).toBe(404);

  const { state, events } = await publish(version);
  expect(state).toBe('published');
  expect(events.filter(({ type }) => type === 'kept')).toHaveLength(4);
  expect(count(UPLOAD)).toBe(4);
  await expectPublished(version);
  expect(await download('latest.json')).toEqual(await readFile(path.join(version.folder, 'latest.json')));
  expect(server.releases).toMatchObject([
    { tag_name: 'v1.2.0', name: 'hello 1.2.0', body: 'Better.', draft: false, prerelease: false },
  ]);

  expect((await publish(version)).state).toBe('unchanged');
  expect(count(UPLOAD)).toBe(4);
});

test.concurrent('an Enterprise server is asked below /api/v3, and uploads go where it says', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t, { enterprise: true });
  const version = await stagedVersion();
  await publish(version);
  await expectPublished(version);
  const prefixes = server.requests.map(({ path: asked }) => asked.split('/').slice(1, 3).join('/'));
  expect(new Set(prefixes)).toEqual(new Set(['api/v3', 'api/uploads']));
});

test.concurrent('what arrived is downloaded and hashed where the server does not say what it has', async (t) => {
  const { server, publish, expectPublished, count } = await onGitHub(t, { enterprise: true, digests: false });
  const version = await stagedVersion();
  server.fail(UPLOAD, { wrongBytes: true });
  const { notices } = await publish(version);
  expect(notices).toContain('what arrived is not what was sent');
  await expectPublished(version);
  expect(count(UPLOAD)).toBe(5);
});

test.concurrent('what is read back is read again when the connection is cut', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t, { enterprise: true, digests: false });
  const version = await stagedVersion();
  server.cutDownloads(1);
  const { notices } = await publish(version);
  expect(notices).toMatch(/GitHub failed \(the answer was cut off.*\): trying again/);
  await expectPublished(version);
});

test.concurrent('four files are on their way at once', async (t) => {
  const { server, publish } = await onGitHub(t);
  const sizes = Object.fromEntries(Array.from({ length: 7 }, (_, index) => [`file-${index}`, 1000]));
  // None of them ends before four have come.
  server.fail(UPLOAD, { until: () => expect.poll(server.mostUploads).toBe(4) }, 4);
  await publish(await stagedVersion('1.2.0', sizes));
  expect(server.mostUploads()).toBe(4);
});

test.concurrent.for(['a commit', 'an annotated tag'])(
  'a tag that is %s other than the one built stops before anything is uploaded',
  async (kind, t) => {
    const { server, publish } = await onGitHub(t);
    server.tags.set('v1.2.0', kind === 'a commit' ? OTHER : { annotates: OTHER });
    const version = await stagedVersion();
    await expect(publish(version, { commit: BUILT })).rejects.toMatchObject({
      code: 'TAG_MISMATCH',
      message: expect.stringContaining('The tag v1.2.0 is at commit aaaaaaaaaaaa at'),
    });
    expect(server.releases).toEqual([]);
    await publish(version, { commit: OTHER });
  },
);

test.concurrent('the tag is made where it is not there, at the commit that was built', async (t) => {
  const { server, publish } = await onGitHub(t, { commits: [BUILT] });
  await publish(await stagedVersion(), { commit: BUILT });
  expect(server.tags.get('v1.2.0')).toBe(BUILT);
});

test.concurrent('a commit that GitHub does not have is to be pushed before anything is uploaded', async (t) => {
  const { publish } = await onGitHub(t, { commits: [] });
  const version = await stagedVersion();
  await expect(publish(version, { commit: BUILT })).rejects.toThrow(`${BUILT}, is not at`);
});

test.concurrent('a published version stays as it is, unless --clobber says otherwise; nobody sees half of it then', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  const first = await stagedVersion();
  await publish(first);
  const second = await stagedVersion();
  await expect(publish(second)).rejects.toMatchObject({
    code: 'PUBLISHED_OTHERWISE',
    message: expect.stringMatching(/^v1\.2\.0 is published already.*hello_win-x64\.exe.*--clobber\.$/s),
  });
  await expectPublished(first);

  const hidden = async () => expect(server.releases[0]!.draft).toBe(true);
  server.fail(UPLOAD, { until: hidden }, 4);
  await publish({ ...second, feed: { ...second.feed, notes: 'Again.' } }, { clobber: true });
  await expectPublished(second);
  expect(server.releases).toMatchObject([{ body: 'Again.', draft: false }]);
});

test.concurrent("a draft of an earlier build takes this one's files, and keeps its title, its notes and what else lies there", async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  await publish(await stagedVersion('1.2.0', { ...FILES, 'manual.pdf': 100 }), { draft: true });
  Object.assign(server.releases[0]!, { name: 'Hello again', body: 'Written by hand.' });
  const version = await stagedVersion('1.2.0', FILES);
  const { notices } = await publish(version);
  expect(notices).toContain('The draft has other notes, which stay: --clobber replaces them.');
  expect(notices).toContain('files that are not of this version, and stay: manual.pdf');
  await expectPublished(version);
  expect(server.releases).toMatchObject([{ name: 'Hello again', body: 'Written by hand.', draft: false }]);
  await publish(version, { clobber: true });
  expect(server.releases).toMatchObject([{ name: 'Hello again', body: 'Written by hand.' }]);
  await publish(await stagedVersion('1.2.0', FILES), { clobber: true, draft: true });
  expect(server.releases).toMatchObject([{ name: 'hello 1.2.0', body: 'Better.', draft: true }]);
});

const FILES = { 'hello_linux-x64': 1000, 'latest.json': 400 };

test.concurrent('releases/latest leads to the highest version of the channel latest', async (t) => {
  const { server, publish, download } = await onGitHub(t);
  const versions = ['1.9.0', '2.0.0', '1.9.1', '2.1.0-beta.1', '1.10.0'];
  for (const version of versions) await publish(await stagedVersion(version, FILES));
  expect(await download('latest.json')).toEqual(await download('latest.json', 'download/v2.0.0'));
  const prereleases = server.releases.filter(({ prerelease }) => prerelease);
  expect(prereleases.map(({ tag_name }) => tag_name)).toEqual(['v2.1.0-beta.1']);
});

test.concurrent('a file that changed after it was staged is not published', async (t) => {
  const { server, publish } = await onGitHub(t);
  const version = await stagedVersion();
  const other = await stagedVersion();
  await expect(publish({ ...version, folder: other.folder })).rejects.toMatchObject({
    code: 'NOT_A_STAGED_VERSION',
    message: expect.stringContaining('has changed since it was staged'),
  });
  expect(server.releases).toMatchObject([{ draft: true }]);
});

test.concurrent('two releases of a project do not take each other’s place in one repository', async (t) => {
  const { server, publish, expectPublished, download } = await onGitHub(t);
  const version = async (name: string, tag = 'v1.2.0') => {
    const staged = await stagedVersion('1.2.0', FILES);
    const text = JSON.stringify({ ...staged.feed, name });
    await writeFile(path.join(staged.folder, 'latest.json'), text);
    const sha256 = createHash('sha256').update(text).digest('hex');
    const feed = { name: 'latest.json', size: text.length, sha256 };
    return {
      ...staged,
      feed: { ...staged.feed, name, tag },
      files: staged.files.map((file) => (file.name === feed.name ? feed : file)),
    };
  };
  const [api, worker] = [await version('api'), await version('worker')];
  for (const draft of [true, false]) {
    await publish(api, { draft });
    await expect(publish(worker, { clobber: true })).rejects.toMatchObject({
      code: 'OTHER_RELEASE',
      message: expect.stringMatching(
        /^v1\.2\.0 is a version of api .*and worker is to be published\..*\{name\}-v/,
      ),
    });
  }
  const own = await version('worker', 'worker-v1.2.0');
  await publish(own, { tag: 'worker-v{version}', isMain: false });
  await expectPublished(own);
  expect(await download('latest.json')).toEqual(await readFile(path.join(api.folder, 'latest.json')));
  expect(server.releases).toHaveLength(2);
});

test.concurrent('a draft that somebody deletes meanwhile is said to be gone, and the next run makes another one', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  const version = await stagedVersion();
  const remove = async () => void server.releases.splice(0);
  server.fail(UPLOAD, { until: remove });
  await expect(publish(version)).rejects.toMatchObject({
    code: 'RELEASE_GONE',
    message: expect.stringMatching(/the release v1\.2\.0 is not in octo\/hello any more.*Run it again/),
  });
  server.forgive();
  await publish(version);
  await expectPublished(version);
});

test.concurrent('a name that GitHub would change is refused', async (t) => {
  const { publish } = await onGitHub(t);
  await expect(publish(await stagedVersion('1.2.0', { 'hello~1': 10 }))).rejects.toThrow(
    'GitHub calls hello~1 hello.1',
  );
});

test.concurrent('the draft is found behind a hundred other releases', async (t) => {
  const { server, publish, count } = await onGitHub(t);
  const version = await stagedVersion('1.2.0', FILES);
  await publish(version, { draft: true });
  const [draft] = server.releases;
  for (let id = 1000; id < 1150; id += 1)
    server.releases.push({ ...draft!, id, tag_name: `v0.${id}.0`, draft: false, assets: [] });
  await publish(version);
  expect(count('repos/create-release')).toBe(1);
  expect(server.releases).toHaveLength(151);
});

test.concurrent('how far each file is, is told while it goes, however slowly', async (t) => {
  const { server, publish, expectPublished } = await onGitHub(t);
  const version = await stagedVersion('1.2.0', { 'hello_linux-x64': 2_000_000 });
  server.fail(UPLOAD, { slow: 20 });
  const { events } = await publish(version);
  const sent = events.flatMap((event) => (event.type === 'upload' ? [event.sent] : []));
  expect(sent.length).toBeGreaterThan(4);
  expect(sent).toEqual([...sent].sort((one, other) => one - other));
  expect(sent.at(-1)).toBe(2_000_000);
  await expectPublished(version);
});
