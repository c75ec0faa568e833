// examples/notes as a person uses it: one file, a daemon, a page in the browser, an upgrade and the way back.
import { copyFile, readFile, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openBrowser } from './support/browser.ts';
import { build, copyExample, freePort, ownHome, Service } from './support/examples.ts';
import { lacks } from './support/requirements.ts';
import { run, temporaryDirectory } from './support/run.ts';

const MIGRATIONS = ['0001_create_notes', '0002_add_time_of_note'];

let notes: Service;
let address: string;
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

  const home = await ownHome();
  const env = { ...home, PORT: String(await freePort()) };
  notes = new Service(path.join(directory, 'notes'), env);
  await copyFile(first, notes.file);
  address = `http://127.0.0.1:${env.PORT}`;
  state = path.join(home.XDG_STATE_HOME!, 'notes');
});

afterAll(async () => {
  await notes.call('stop');
});

/** As `mv` over a program that may be running. */
async function install(version: string): Promise<void> {
  await copyFile(version, `${notes.file}.new`);
  await rename(`${notes.file}.new`, notes.file);
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
  expect(await notes.say('version')).toBe('notes 0.1.0');
  expect(await notes.say('migrate', '--status')).toBe(MIGRATIONS.map((name) => `pending ${name}`).join('\n'));
  expect(await notes.say('migrate')).toBe(MIGRATIONS.map((name) => `migrated ${name}`).join('\n'));
  expect(await notes.say('migrate')).toBe('nothing to migrate');
  expect(await notes.say('rollback', '3')).toBe(
    MIGRATIONS.toReversed()
      .map((name) => `took back ${name}`)
      .join('\n'),
  );
  expect((await notes.call('rollback', 'all')).exitCode).toBe(1);
  expect(await notes.say('help')).toContain('rollback');
});

test('as a daemon it migrates its database and answers', async () => {
  await notes.say('daemon');
  expect(await notes.say('ping')).toBe('pong');
  expect(await log()).toContain(`notes: ${address}`);
  expect(await notes.say('migrate', '--status')).toBe(MIGRATIONS.map((name) => `applied ${name}`).join('\n'));
  // Variables that are set to nothing count as not set.
  const unset = notes.with({ NOTES_DB_PATH: '', SECRET_KEY_BASE: '' });
  expect(await unset.say('migrate', '--status')).toBe(await notes.say('migrate', '--status'));
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
  const shown = await notes.with({ SECRET_KEY_BASE: secret }).say('config', 'effective');
  expect(shown).toContain('secretKeyBase');
  expect(shown).not.toContain(secret);
});

test('rpc reaches the running application', async () => {
  expect(await notes.say('rpc', '--json', '(await import("@sarma/app")).release().version')).toBe('"0.1.0"');
});

test.skipIf(lacks('chromium'))('the page works in a browser', async () => {
  const browser = await openBrowser();
  try {
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
  } finally {
    await browser.close();
  }
  expect(await get('/api/notes/2')).toMatchObject({ text: '<i>from</i> the "page"' });
});

test('a form of somebody else is refused', async () => {
  const body = new URLSearchParams({ text: 'evil' });
  expect((await fetch(address, { method: 'POST', body })).status).toBe(403);
});

test('a new file is the new version at the next restart, with its migration and all notes', async () => {
  const before = await get('/api/notes');
  await install(second);
  const pid = await notes.say('pid');
  await notes.say('restart');
  expect(await notes.say('pid')).toBe(pid);
  expect(await notes.say('rpc', '--json', '(await import("@sarma/app")).release().version')).toBe('"0.2.0"');
  expect(await log()).toContain('notes: migrated 0003_add_pin');
  expect(await get('/api/notes')).toEqual((before as object[]).map((note) => ({ ...note, pinned: 0 })));
});

test('the pre_start hook has kept the database as it was before', async () => {
  const kept = notes.with({ NOTES_DB_PATH: path.join(state, 'backups/before-0.2.0.db') });
  expect(await kept.say('migrate', '--status')).toBe(
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
  await notes.say('stop');
  await install(first);
  const { exitCode, stdout, stderr } = await notes.call('start');
  expect(exitCode).toBe(1);
  expect(stdout + stderr).toContain('migrated by a later version (0003_add_pin)');
});

test('after a rollback it takes over again, with all notes', async () => {
  await install(second);
  expect(await notes.say('rollback')).toBe('took back 0003_add_pin');
  await install(first);
  await notes.say('daemon');
  expect(await get('/api/notes')).toContainEqual(
    expect.objectContaining({ id: 1, text: 'buy milk', written_at: expect.any(String) }),
  );
  expect(await get('/api/notes/1')).not.toHaveProperty('pinned');
});

test('without its server it listens nowhere and can be asked all the same', async () => {
  await notes.say('stop');
  await expect(fetch(address)).rejects.toThrow();
  const quiet = notes.with({ SERVER_ENABLED: 'false' });
  await quiet.say('daemon');
  await expect(fetch(address)).rejects.toThrow();
  expect(await quiet.say('rpc', '1 + 1')).toBe('2');
  await quiet.say('stop');
});

test('the database can lie anywhere', async () => {
  const file = path.join(await temporaryDirectory(), 'deep/er/notes.db');
  expect(await notes.with({ NOTES_DB_PATH: file }).say('migrate')).toContain('migrated 0001_create_notes');
  expect((await stat(file)).isFile()).toBe(true);
});

test('stopped, it is not there: ping and stop say so', async () => {
  expect((await notes.call('ping')).exitCode).toBe(1);
  expect((await notes.call('stop')).exitCode).toBe(1);
});
