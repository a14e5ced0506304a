import { embeddingRules } from './conformance/embedding-rules.ts';
import { failureRules } from './conformance/failure-rules.ts';
import { generationRules } from './conformance/generation-rules.ts';
import { providerRules, specialRules } from './conformance/provider-rules.ts';
import { streamRules } from './conformance/stream-rules.ts';
import type { ConformanceSubject } from './conformance/subject.ts';
import type { ConformanceRule } from './conformance/trial.ts';

/**
 * The rules for one plugin: those of every plugin, and those of the capabilities in its manifest. Each starts a server of
 * its own on this machine, that plays the vendor. For example, with any test runner that has a `test`:
 * `for (const rule of conformanceRules(subject)) test(rule.title, rule.run)`
 */
export function conformanceRules(subject: ConformanceSubject): ConformanceRule[] {
  return [
    ...providerRules(subject),
    ...embeddingRules(subject),
    ...generationRules(subject),
    ...streamRules(subject),
    ...specialRules(subject),
    ...failureRules(subject),
  ];
}
