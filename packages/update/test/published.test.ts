import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { CHECKSUMS, FEED, SIGNATURE, type UpdateSettings } from '@sarma/update';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  newSigningKey,
  openPublishingPlace,
  type PublishingPlace,
  signatureOf,
} from '../../../test/support/publishing.ts';
import { findPublished, type Wanted } from '../src/published.ts';
import { publish } from './support/updater.ts';

let place: PublishingPlace;
let settings: UpdateSettings;

beforeEach(async () => {
  place = await openPublishingPlace();
  settings = {
    ...{ name: 'hello', version: '1.0.0', kind: 'cli', programs: {}, channel: 'latest' },
    feed: { folder: { url: place.url } },
    publicKeys: [place.key.publicKey],
  };
});
afterEach(() => place.close());

const find = async (wanted: Wanted = {}, more: Partial<UpdateSettings> = {}) =>
  await findPublished({ ...settings, ...more }, wanted);
const versionOf = async (...args: Parameters<typeof find>) => (await find(...args)).feed.version;
const change = async (name: string, to: (text: string) => string) => {
  const file = path.join(place.folder, name);
  await writeFile(file, to(await readFile(file, 'utf8')));
};
const failsWith = (code: string, message: string | RegExp) =>
  expect.objectContaining({
    code,
    message: typeof message === 'string' ? expect.stringContaining(message) : expect.stringMatching(message),
  });

test('the newest version is found, and where a person sees it', async () => {
  await publish(place, '1.1.0');
  expect(await find()).toMatchObject({
    feed: { name: 'hello', version: '1.1.0' },
    folder: `${place.url}1.1.0/`,
    url: `${place.url}1.1.0/`,
  });
});

test('who follows beta gets the newest of beta and latest, and who follows latest no beta', async () => {
  await publish(place, '1.1.0');
  await publish(place, '1.2.0-beta.1');
  expect(await versionOf()).toBe('1.1.0');
  expect(await versionOf({ channel: 'beta' })).toBe('1.2.0-beta.1');
  await publish(place, '1.2.0');
  expect(await versionOf({}, { channel: 'beta' })).toBe('1.2.0');
  expect(await versionOf({ channel: 'nightly' })).toBe('1.2.0');
});

test('a version of another channel is not taken, though the answer leads to it and it is signed', async () => {
  await publish(place, '2.0.0-alpha.1');
  await writeFile(path.join(place.folder, FEED), await readFile(path.join(place.folder, 'alpha.json')));
  await expect(find()).rejects.toEqual(
    failsWith('NOT_PUBLISHED', `No version of hello is published for the channel latest at ${place.url}.`),
  );
});

test('a version that is named is found, also an older one, and one that is not there is not', async () => {
  await publish(place, '0.9.0');
  await publish(place, '1.1.0');
  expect(await versionOf({ version: '0.9.0' })).toBe('0.9.0');
  await expect(find({ version: '3.0.0' })).rejects.toEqual(
    failsWith('NOT_PUBLISHED', 'There is no hello 3.0.0'),
  );
});

test.each(['../1.1.0', '..', '', 'a/b'])('%j is no version', async (version) => {
  await expect(find({ version })).rejects.toEqual(failsWith('USAGE', 'cannot be published'));
});

test('a version without a signature, or by another key, is not taken', async () => {
  await publish({ ...place, key: newSigningKey() }, '1.1.0');
  await expect(find()).rejects.toEqual(failsWith('SIGNATURE_OF_ANOTHER_KEY', 'trusts'));
  await rm(path.join(place.folder, '1.1.0', SIGNATURE));
  await expect(find()).rejects.toEqual(failsWith('NOT_SIGNED', 'hello 1.1.0 is not signed'));
});

test.each([
  ['another version', 'hello 1.0.0'],
  ['another program', 'goodbye 1.1.0'],
])('the checksums and signature of %s do not pass for this one', async (_, comment) => {
  await publish(place, '1.1.0');
  const checksums = await readFile(path.join(place.folder, '1.1.0', CHECKSUMS));
  await writeFile(path.join(place.folder, '1.1.0', SIGNATURE), signatureOf(checksums, place.key, comment));
  await expect(find()).rejects.toEqual(failsWith('SIGNATURE_INVALID', `was signed for "${comment}"`));
});

test('an older version, whole and signed, that is shown as the newest does not pass for it', async () => {
  await publish(place, '1.1.0');
  await publish(place, '1.2.0');
  await change(FEED, (text) => text.replaceAll('1.2.0', '1.3.0'));
  place.answerWith((request) => {
    request.url = request.url!.replace('/1.3.0/', '/1.1.0/');
    return false;
  });
  await expect(find()).rejects.toEqual(failsWith('SIGNATURE_INVALID', 'was signed for "hello 1.1.0"'));
});

test.each([
  [CHECKSUMS, 'SIGNATURE_INVALID'],
  [FEED, 'WRONG_BYTES'],
])('a change of %s is noticed', async (name, code) => {
  await publish(place, '1.1.0');
  await change(`1.1.0/${name}`, (text) => text.replace(/[0-9a-f]{64}/, '0'.repeat(64)));
  await expect(find()).rejects.toEqual(failsWith(code, name));
});

test('checksums that were changed together with the feed are noticed', async () => {
  await publish(place, '1.1.0');
  const other = await openPublishingPlace();
  await publish(other, '1.1.0', Buffer.from('something else'));
  for (const name of [CHECKSUMS, FEED])
    await writeFile(
      path.join(place.folder, '1.1.0', name),
      await readFile(path.join(other.folder, '1.1.0', name)),
    );
  other.close();
  await expect(find()).rejects.toEqual(failsWith('SIGNATURE_INVALID', 'the bytes are others'));
});

test('a page of a hotel in the place of everything is no version', async () => {
  place.answerWith((_, response) => Boolean(response.writeHead(200).end('<html>Welcome</html>')));
  await expect(find()).rejects.toEqual(failsWith('FEED_INVALID', /latest\.json is no feed.*not JSON/));
  await expect(find({ version: '1.1.0' })).rejects.toEqual(failsWith('SIGNATURE_INVALID', 'no signature'));
});

test('where nothing is published that is said', async () => {
  await expect(find()).rejects.toEqual(failsWith('NOT_PUBLISHED', 'No version of hello is published'));
});

/** As GitHub lays it out; the API's answer besides. */
function asGitHub(releases: unknown, latest: string | undefined, tag = 'v{version}') {
  const github = { url: place.url.slice(0, -1), api: `${place.url}api`, repository: 'us/hello', tag };
  const [before, after] = tag.split('{version}').map((part) => encodeURIComponent(part));
  place.answerWith((request, response) => {
    const url = request.url!;
    if (url.startsWith('/api/')) {
      response.end(typeof releases === 'string' ? releases : JSON.stringify(releases));
      return true;
    }
    const [, file] = /^\/us\/hello\/releases\/latest\/download\/(.+)$/.exec(url) ?? [];
    if (file !== undefined) {
      response.writeHead(latest === undefined ? 404 : 302, {
        location: `/us/hello/releases/download/${before}${latest}${after}/${file}`,
      });
      response.end();
      return true;
    }
    const rest = url.replace(`/us/hello/releases/download/${before}`, '').split('/');
    request.url = `/${rest[0]!.slice(0, rest[0]!.length - after!.length)}/${rest[1]}`;
    return false;
  });
  return { feed: { github } } satisfies Partial<UpdateSettings>;
}

const release = (tag_name: string, more: object = {}) => ({
  ...{ tag_name, draft: false, assets: [{ name: FEED }] },
  ...more,
});

test('on GitHub the latest release is asked for without the API, which answers few', async () => {
  await publish(place, '1.1.0');
  expect(await find({}, asGitHub('not asked', '1.1.0'))).toMatchObject({
    folder: `${place.url}us/hello/releases/download/v1.1.0/`,
    url: `${place.url}us/hello/releases/tag/v1.1.0`,
  });
});

test('on GitHub a channel is found in the list of releases, without drafts and what others publish', async () => {
  for (const version of ['1.1.0', '1.2.0-beta.2', '1.2.0-beta.10']) await publish(place, version);
  const list = [
    release('v3.0.0', { draft: true }),
    release('other/v4.0.0'),
    release('v2.0.0', { assets: [] }),
    release('v2.0.0-alpha.1'),
    release('nightly'),
    release('v1.2.0-beta.2'),
    release('v1.2.0-beta.10'),
    release('v1.1.0'),
  ];
  expect(await versionOf({ channel: 'beta' }, asGitHub(list, '1.1.0'))).toBe('1.2.0-beta.10');
});

test('on GitHub, tags with a slash and several programs in a repository', async () => {
  await publish(place, '1.1.0');
  const list = [release('other@9.0.0'), release('hello/v1.1.0')];
  expect(await versionOf({}, asGitHub(list, undefined, 'hello/v{version}'))).toBe('1.1.0');
});

test('on GitHub, where the latest release is one of another program, the own one is found in the list', async () => {
  await publish(place, '1.1.0');
  const other = asGitHub([release('v1.1.0')], '9.0.0');
  await publish(place, '9.0.0');
  await change(`9.0.0/${FEED}`, (text) => text.replace('"name":"hello"', '"name":"other"'));
  expect(await versionOf({}, other)).toBe('1.1.0');
});

test.each(['<html>', '{"message":"Not Found"}', '[null]', '[{"tag_name":1}]'])(
  'what is no list of releases (%s) is an error',
  async (answer) => {
    await expect(find({}, asGitHub(answer, undefined))).rejects.toEqual(
      failsWith('FEED_INVALID', "does not answer with GitHub's list of releases"),
    );
  },
);
