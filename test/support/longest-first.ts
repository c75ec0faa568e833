import path from 'node:path';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Files that are short to read and long to run. */
const LONGEST = ['races', 'killed', 'fuzz', 'guide', 'reproducible', 'growth', 'space', 'targets', 'site'];

/** Without durations of an earlier run, vitest takes large files first: one of these would come last, and be waited for alone. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification) =>
      LONGEST.includes(path.basename(moduleId, '.long.test.ts'));
    const sorted = await super.sort(files);
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))];
  }
}
