// examples/notes as a person uses it: one file, a daemon, a page in the browser, an upgrade and the way back.
import { copyFile, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from './support/browser.ts';
import { build, copyExample } from './support/examples.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory } from './support/run.ts';
import { ask, freePort, type Installed, installed, say, withEnv } from './support/services.ts';

const MIGRATIONS = ['0001_create_notes', '0002_add_time_of_note'];

let notes: Installed;
let address: string;
/** Where it keeps everything, which nobody has told it. */
let state: string;
/** The executables of both versions. */
let first: string;
let second: string;

beforeAll(async () => {
  const project = await copyExample('notes');
  const built = path.join(project, `burrito_out/notes_${process.platform}-${process.arch}`);
  const wrap = async (to: string) => {
    await build(project, ['wrap', '--current', '--compression', 'fast']);
    await copyFile(built, to);
    return to;
  };
  const directory = await temporaryDirectory();
  first = await wrap(path.join(directory, 'notes-0.1.0'));
  await makeNextVersion(project);
  second = await wrap(path.join(directory, 'notes-0.2.0'));

  const PORT = String(await freePort());
  const own = await installed(path.join(directory, 'notes'));
  notes = withEnv(own, { PORT, RELEASE_MUTABLE_DIR: '', XDG_STATE_HOME: own.state });
  state = path.join(own.state, 'notes');
  await copyFile(first, notes.command);
  address = `http://127.0.0.1:${PORT}`;
});

afterAll(async () => {
  await ask(notes, ['stop']);
});

/** As `mv` over a program that may be running. */
async function install(version: string): Promise<void> {
  await copyFile(version, `${notes.command}.new`);
  await rename(`${notes.command}.new`, notes.command);
}

/** One more migration, and the version that brings it. */
async function makeNextVersion(project: string): Promise<void> {
  const manifest = path.join(project, 'package.json');
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replace('"version": "0.1.0"', '"version": "0.2.0"'));
  const migration = path.join(project, 'migrations/0003_add_pin');
  await writeFile(`${migration}.up.sql`, 'ALTER TABLE notes ADD COLUMN pinned INTEGER NOT NULL DEFAULT 0;\n');
  await writeFile(`${migration}.down.sql`, 'ALTER TABLE notes DROP COLUMN pinned;\n');
}

async function get(url: string): Promise<unknown> {
  const response = await fetch(`${address}${url}`);
  expect(response.status).toBe(200);
  return await response.json();
}

async function post(text: string): Promise<unknown> {
  const response = await fetch(`${address}/api/notes`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text }),
  });
  expect(response.status).toBe(201);
  return await response.json();
}

const log = async () => await readFile(path.join(state, 'log/notes.log'), 'utf8');

test('before anything runs the commands work by themselves: migrate, look, roll back', async () => {
  expect(await say(notes, 'version')).toBe('notes 0.1.0');
  expect(await say(notes, 'migrate', '--status')).toBe(
    MIGRATIONS.map((name) => `pending ${name}`).join('\n'),
  );
  expect(await say(notes, 'migrate')).toBe(MIGRATIONS.map((name) => `migrated ${name}`).join('\n'));
  expect(await say(notes, 'migrate')).toBe('nothing to migrate');
  expect(await say(notes, 'rollback', '3')).toBe(
    MIGRATIONS.toReversed()
      .map((name) => `took back ${name}`)
      .join('\n'),
  );
  expect((await ask(notes, ['rollback', 'all'])).exitCode).toBe(1);
  expect(await say(notes, 'help')).toContain('rollback');
});

test('as a daemon it migrates its database and answers', async () => {
  await say(notes, 'daemon');
  expect(await say(notes, 'ping')).toBe('pong');
  expect(await log()).toContain(`notes: ${address}`);
  expect(await say(notes, 'migrate', '--status')).toBe(
    MIGRATIONS.map((name) => `applied ${name}`).join('\n'),
  );
  // Variables that are set to nothing count as not set.
  const unset = withEnv(notes, { NOTES_DB_PATH: '', SECRET_KEY_BASE: '' });
  expect(await say(unset, 'migrate', '--status')).toBe(await say(notes, 'migrate', '--status'));
  expect(await get('/api/notes')).toEqual([]);
  expect(await post('buy milk')).toMatchObject({ id: 1, text: 'buy milk' });
  expect(await get('/api/notes/1')).toMatchObject({ text: 'buy milk' });
  expect((await fetch(`${address}/api/notes/2`)).status).toBe(404);
  // For nobody but the user.
  expect((await stat(path.join(state, 'notes.db'))).mode & 0o077).toBe(0);
});

test('requests go to the handler that config/runtime.ts attached', async () => {
  await get('/api/notes/1');
  expect(await log()).toMatch(/^GET \/api\/notes\/:id 200 \d+\.\d ms$/m);
});

test('the secret is shown to nobody', async () => {
  const secret = '5ecre7'.repeat(8);
  const shown = await say(withEnv(notes, { SECRET_KEY_BASE: secret }), 'config', 'effective');
  expect(shown).toContain('secretKeyBase');
  expect(shown).not.toContain(secret);
});

test('rpc reaches the running application', async () => {
  expect(await say(notes, 'rpc', '--json', '(await import("@sarma/app")).release().version')).toBe('"0.1.0"');
});

test.skipIf(lacks('chromium'))('the page works in a browser', async () => {
  const browser = await openBrowser();
  await browser.open(address);
  expect(await browser.evaluate('document.title')).toBe('Notes');
  await browser.evaluate(`document.querySelector('input[name=text]').value = '<i>from</i> the "page"'`);
  await browser.evaluate(`document.querySelector('button').click()`);
  await browser.until(`document.querySelectorAll('li').length === 2`);
  expect(await browser.evaluate(`document.querySelector('li').firstChild.data.trim()`)).toBe(
    '<i>from</i> the "page"',
  );
  expect(await browser.evaluate(`document.querySelector('li i')`)).toBe(null);
  expect(browser.complaints.filter((line) => !line.includes('favicon'))).toEqual([]);
  expect(await get('/api/notes/2')).toMatchObject({ text: '<i>from</i> the "page"' });
});

test('a form of somebody else is refused', async () => {
  const body = new URLSearchParams({ text: 'evil' });
  expect((await fetch(address, { method: 'POST', body })).status).toBe(403);
});

test('a new file is the new version at the next restart, with its migration and all notes', async () => {
  const before = await get('/api/notes');
  await install(second);
  const pid = await say(notes, 'pid');
  await say(notes, 'restart');
  expect(await say(notes, 'pid')).toBe(pid);
  expect(await say(notes, 'rpc', '--json', '(await import("@sarma/app")).release().version')).toBe('"0.2.0"');
  expect(await log()).toContain('notes: migrated 0003_add_pin');
  expect(await get('/api/notes')).toEqual((before as object[]).map((note) => ({ ...note, pinned: 0 })));
});

test('the pre_start hook has kept the database as it was before', async () => {
  const kept = withEnv(notes, { NOTES_DB_PATH: path.join(state, 'backups/before-0.2.0.db') });
  expect(await say(kept, 'migrate', '--status')).toBe(
    [...MIGRATIONS.map((name) => `applied ${name}`), 'pending 0003_add_pin'].join('\n'),
  );
});

test('a backup that was cut short by a full disk does not count as made', async () => {
  const hook = path.resolve(import.meta.dirname, '../examples/notes/rel/hooks/pre_start.sh');
  const directory = await temporaryDirectory();
  const database = path.join(directory, 'notes.db');
  await writeFile(database, 'x'.repeat(1_000_000));
  const env = { RELEASE_MUTABLE_DIR: directory, RELEASE_VSN: '2.0.0' };
  const backup = path.join(directory, 'backups/before-2.0.0.db');
  const cut = await run('sh', ['-c', 'ulimit -f 100; exec sh "$1"', 'sh', hook], { env });
  expect(cut.exitCode).not.toBe(0);
  expect(await run('sh', [hook], { env })).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await readFile(backup, 'utf8')).toBe(await readFile(database, 'utf8'));
});

test('the older version does not touch a database it does not know', async () => {
  await say(notes, 'stop');
  await install(first);
  const { exitCode, stdout, stderr } = await ask(notes, ['start']);
  expect(exitCode).toBe(1);
  expect(stdout + stderr).toContain('migrated by a later version (0003_add_pin)');
});

test('after a rollback it takes over again, with all notes', async () => {
  await install(second);
  expect(await say(notes, 'rollback')).toBe('took back 0003_add_pin');
  await install(first);
  await say(notes, 'daemon');
  expect(await get('/api/notes')).toContainEqual(
    expect.objectContaining({ id: 1, text: 'buy milk', written_at: expect.any(String) }),
  );
  expect(await get('/api/notes/1')).not.toHaveProperty('pinned');
});

test('without its server it listens nowhere and can be asked all the same', async () => {
  await say(notes, 'stop');
  await expect(fetch(address)).rejects.toThrow();
  const quiet = withEnv(notes, { SERVER_ENABLED: 'false' });
  await say(quiet, 'daemon');
  await expect(fetch(address)).rejects.toThrow();
  expect(await say(quiet, 'rpc', '1 + 1')).toBe('2');
  await say(quiet, 'stop');
});

test('the database can lie anywhere', async () => {
  const file = path.join(await temporaryDirectory(), 'deep/er/notes.db');
  expect(await say(withEnv(notes, { NOTES_DB_PATH: file }), 'migrate')).toContain(
    'migrated 0001_create_notes',
  );
  expect((await stat(file)).isFile()).toBe(true);
});

test('stopped, it is not there: ping and stop say so', async () => {
  expect((await ask(notes, ['ping'])).exitCode).toBe(1);
  expect((await ask(notes, ['stop'])).exitCode).toBe(1);
});
