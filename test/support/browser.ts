import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './run.ts';

/** A headless Chromium with one page, spoken to by the DevTools protocol. */
export interface Browser {
  /** Resolves when the page has loaded. */
  open(address: string): Promise<void>;
  /** Evaluates in the page and resolves with the value, which must be JSON; fails if the page throws. */
  evaluate(expression: string): Promise<unknown>;
  /** Resolves when the expression is true in the page; fails after ten seconds. */
  until(expression: string): Promise<void>;
  /** From now on pages are shown so: CSS pixels, and what the reader prefers. */
  show(as: {
    readonly width: number;
    readonly height: number;
    readonly scheme: 'light' | 'dark';
    readonly motion?: 'reduce';
  }): Promise<void>;
  /** What the window shows, as a PNG. */
  screenshot(file: string): Promise<void>;
  /** What the page has logged or thrown, one line each. */
  readonly complaints: readonly string[];
  /** Addresses that pages have asked for. */
  readonly requests: readonly string[];
}

const PATIENCE = 30_000;

/** It is closed after the test. */
export async function openBrowser(): Promise<Browser> {
  const profile = await temporaryDirectory();
  const child = spawn(
    'chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--remote-debugging-port=0',
      `--user-data-dir=${profile}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, HOME: profile } },
  );
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill();
    await ended;
  });
  const address = await debuggerAddress(child.stderr);
  const page = await newPage(address);
  const session = await connect(page);
  const complaints: string[] = [];
  const requests: string[] = [];
  session.onEvent = (method, params) => {
    if (method === 'Network.requestWillBeSent')
      requests.push((params as { request: { url: string } }).request.url);
    if (method === 'Runtime.exceptionThrown' || method === 'Log.entryAdded')
      complaints.push(JSON.stringify(params));
  };
  for (const domain of ['Page', 'Runtime', 'Log', 'Network']) await session.call(`${domain}.enable`);
  const evaluate = async (expression: string) => {
    const { result, exceptionDetails } = (await session.call('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true,
    })) as { result: { value?: unknown }; exceptionDetails?: unknown };
    if (exceptionDetails !== undefined)
      throw new Error(`${expression} failed: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  };
  const until = async (expression: string) => {
    for (const end = Date.now() + PATIENCE; Date.now() < end; await pause(50)) {
      // Between two pages there is nothing to evaluate in.
      if ((await evaluate(expression).catch(() => false)) === true) return;
    }
    throw new Error(`${expression} did not become true`);
  };
  return {
    open: async (url) => {
      await session.call('Page.navigate', { url });
      await until(`document.readyState === 'complete' && location.href !== 'about:blank'`);
    },
    evaluate,
    until,
    show: async ({ width, height, scheme, motion = '' }) => {
      const metrics = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
      await session.call('Emulation.setDeviceMetricsOverride', metrics);
      const features = [
        { name: 'prefers-color-scheme', value: scheme },
        { name: 'prefers-reduced-motion', value: motion },
      ];
      await session.call('Emulation.setEmulatedMedia', { features });
    },
    screenshot: async (file) => {
      const { data } = (await session.call('Page.captureScreenshot')) as { data: string };
      await writeFile(file, data, 'base64');
    },
    complaints,
    requests,
  };
}

/** Chromium says on stderr where it listens. */
async function debuggerAddress(stderr: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stderr.iterator({ destroyOnReturn: false })) {
    text += chunk;
    const match = /DevTools listening on ws:\/\/([^/]+)/.exec(text);
    if (match !== null) {
      stderr.resume();
      return match[1]!;
    }
  }
  throw new Error(`Chromium ended: ${text}`);
}

async function newPage(address: string): Promise<string> {
  const response = await fetch(`http://${address}/json/new?about:blank`, { method: 'PUT' });
  const { webSocketDebuggerUrl } = (await response.json()) as { webSocketDebuggerUrl: string };
  return webSocketDebuggerUrl;
}

interface Session {
  call(method: string, params?: object): Promise<unknown>;
  onEvent: (method: string, params: unknown) => void;
}

async function connect(url: string): Promise<Session> {
  const socket = new WebSocket(url);
  await once(socket, 'open');
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  const session: Session = {
    call: (method, params = {}) => {
      const answer = Promise.withResolvers<unknown>();
      const id = waiting.size + 1;
      waiting.set(id, answer);
      socket.send(JSON.stringify({ id, method, params }));
      return answer.promise;
    },
    onEvent: () => {},
  };
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(String(data));
    if (id === undefined) session.onEvent(method, params);
    else if (error === undefined) waiting.get(id)!.resolve(result);
    else waiting.get(id)!.reject(new Error(error.message));
  });
  return session;
}
