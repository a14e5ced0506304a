import { embeddingRules } from './conformance/embedding-rules.ts';
import { failureRules } from './conformance/failure-rules.ts';
import { generationRules } from './conformance/generation-rules.ts';
import { providerRules, specialRules } from './conformance/provider-rules.ts';
import { streamRules } from './conformance/stream-rules.ts';
import type { ConformanceSubject } from './conformance/subject.ts';
import { checkSubject } from './conformance/subject-check.ts';
import type { ConformanceRule } from './conformance/trial.ts';
import type { ProviderPlugin } from './contract.ts';
import { loadProcess } from './loader.ts';
import { PluginNetwork } from './network.ts';

/**
 * The rules for one plugin: those of every plugin, and those of the capabilities in its manifest. Each starts a server of
 * its own on this machine, that plays the vendor. For example, with `node:test` or Vitest:
 * `for (const rule of conformanceRules(subject)) test(rule.title, rule.run)`
 * @throws where the subject lacks parts that the rules need
 */
export function conformanceRules(subject: ConformanceSubject): ConformanceRule[] {
  checkSubject(subject);
  return [
    ...providerRules(subject),
    ...embeddingRules(subject),
    ...generationRules(subject),
    ...streamRules(subject),
    ...specialRules(subject),
    ...failureRules(subject),
  ];
}

/**
 * The plugin of a process that runs at `url`, as the server would have it: to be the `plugin` of a subject. The process
 * has to find its vendor by its configuration, as each rule has a vendor of its own.
 * @throws PluginRefusedError
 */
export async function pluginAt(url: string): Promise<ProviderPlugin> {
  const network = new PluginNetwork({ allowPrivate: true });
  try {
    return (await loadProcess(url, { network, allowPrivate: true })).plugin;
  } finally {
    await network.close();
  }
}
