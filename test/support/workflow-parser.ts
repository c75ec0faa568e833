import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { temporaryDirectory } from './run.ts';

/** GitHub's own parser, as a function that says what is wrong with the text of a workflow. */
export async function workflowParser(): Promise<(text: string) => readonly string[]> {
  // It is made for bundlers: Node does not import JSON as it does.
  const outfile = path.join(await temporaryDirectory(), 'parser.cjs');
  const entryPoints = [fileURLToPath(import.meta.resolve('@actions/workflow-parser'))];
  await build({ entryPoints, outfile, bundle: true, platform: 'node', logLevel: 'error' });
  const parser = (await import(pathToFileURL(outfile).href)) as typeof import('@actions/workflow-parser');
  return (text) =>
    parser
      .parseWorkflow({ name: 'release.yml', content: text }, new parser.NoOperationTraceWriter())
      .context.errors.getErrors()
      .map(({ message }) => message);
}
