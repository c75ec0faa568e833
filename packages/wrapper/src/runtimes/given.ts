import type { Target } from '../targets.ts';
import type { Runtime } from './runtime.ts';

export function isPlace(_range: string): boolean {
  return false;
}
export async function givenRuntime(_target: Target, _context: unknown): Promise<Runtime> {
  throw new Error('not yet');
}
