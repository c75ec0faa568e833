import type { Configuration } from '@sarma/app';
import type { CommandContext } from '../context.ts';
import type { NodeInfo } from '../node-info.ts';

/** What an examination found out about one thing. */
export interface Finding {
  readonly level: 'ok' | 'warning' | 'problem';
  /** What was looked at. */
  readonly subject: string;
  /** What is so and, unless it is ok, what to do. */
  readonly message: string;
}

/** What there is to look at. */
export interface Patient extends CommandContext {
  /** Undefined when it cannot be had; that is a finding of its own. */
  readonly configuration: Configuration | undefined;
  /** Undefined when the node does not run, `unknown` when it does, or may, and will not say: that is a finding too. */
  readonly running: NodeInfo | 'unknown' | undefined;
}

export type Examination = (patient: Patient) => Finding[] | Promise<Finding[]>;

export const ok = (subject: string, message: string): Finding => ({ level: 'ok', subject, message });
export const warning = (subject: string, message: string): Finding => ({
  level: 'warning',
  subject,
  message,
});
export const problem = (subject: string, message: string): Finding => ({
  level: 'problem',
  subject,
  message,
});
