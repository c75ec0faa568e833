import { command, filePositional } from '../command.ts';
import { answerFlags } from '../flags.ts';

export const inspectCommand = command({
  name: 'inspect',
  description: 'Show what is inside an executable and what it weighs',
  positional: filePositional,
  flags: {
    ...answerFlags,
    sbom: {
      group: answerFlags.json.group,
      description: 'Its bill of materials (CycloneDX, JSON)',
      type: 'boolean',
      conflicts: ['json', 'html'],
    },
    html: {
      group: answerFlags.json.group,
      description: 'Write a page to look at, complete in one file',
      type: 'string',
      requiresArg: true,
      conflicts: 'json',
    },
  },
  examples: [
    ['sarma inspect burrito_out/hello_linux-x64', 'without running it'],
    ['sarma inspect burrito_out/hello_linux-x64 --html hello.html', 'what weighs what, as a map'],
  ],
  run: async ({ file, json, sbom, html }) => {
    if (sbom) return await printSbom(file!);
    const { inspectSlices } = await import('@sarma/wrapper');
    const inspections = await inspectSlices(file!);
    if (html !== undefined) {
      const { writePage } = await import('../write-page.ts');
      await writePage(html, file!, inspections);
      return 0;
    }
    const { writeJson } = await import('../show/json.ts');
    const { showInspections } = await import('../show/inspection.ts');
    if (json) for (const inspection of inspections) writeJson(inspection);
    else showInspections(inspections);
    return 0;
  },
});

async function printSbom(file: string): Promise<number> {
  const { readSbom } = await import('@sarma/wrapper');
  process.stdout.write(await readSbom(file));
  return 0;
}
