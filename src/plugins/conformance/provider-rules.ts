import assert from 'node:assert/strict';
import { checkPluginConfig } from '../config-check.ts';
import type { Capability } from '../contract.ts';
import { capabilityProblems, checkPlugin } from './plugin-check.ts';
import { required } from './replies.ts';
import type { ConformanceSubject } from './subject.ts';
import { type ConformanceRule, call, promises, ruleMaker, type Trial } from './trial.ts';

/** What holds for every provider. */
export function providerRules(subject: ConformanceSubject): ConformanceRule[] {
  const rule = ruleMaker(subject);
  const { plugin, wire } = subject;
  const playChecked = (trial: Trial): void => trial.play((request) => ({ do: 'answer', ...wire.checked(request) }));
  return [
    rule('the manifest is complete, and takes the configuration', async () => {
      assert.deepEqual(await checkPlugin(plugin), []);
      assert.deepEqual(checkPluginConfig(plugin.manifest, subject.config('http://127.0.0.1:1')), []);
    }),
    rule('a provider has the methods of its capabilities, and no others', async ({ provider }) => {
      assert.deepEqual(capabilityProblems(plugin.manifest.capabilities, provider), []);
    }),
    rule('every credential is marked as a secret in the schema', async () => {
      const config = subject.config('http://127.0.0.1:1');
      const properties = plugin.manifest.configSchema.properties as Record<string, { secret?: boolean }>;
      for (const [name, value] of Object.entries(config)) {
        if (!subject.secrets.includes(value as string)) continue;
        assert.equal(properties[name]?.secret, true, `${name} should be marked as a secret`);
      }
    }),
    rule('check passes with the right credentials', async (trial) => {
      playChecked(trial);
      await trial.provider.check(call());
    }),
    rule('check fails as authentication with wrong credentials', async (trial) => {
      trial.playFailure({ cause: 401, message: 'wrong credentials' });
      await trial.providerError(() => trial.provider.check(call()), 'authentication');
    }),
    rule('check fails where nobody answers', async (trial) => {
      trial.play({ do: 'reset' });
      await trial.providerError(() => trial.provider.check(call()), 'network');
    }),
    rule('listModels gives models that can do something the manifest promises', async (trial) => {
      playChecked(trial);
      const models = await trial.provider.listModels(call());
      const names = models.map(({ name }) => name);
      for (const name of wire.listed) assert.ok(names.includes(name), `${name} should be among ${names.join(', ')}`);
      assert.equal(new Set(names).size, names.length, 'each name should be there once');
      for (const { name, capabilities } of models) {
        assert.ok(capabilities.length > 0, `${name} should be able to do something`);
        for (const capability of capabilities) assert.ok(promises(subject, capability), `${name}: ${capability}`);
      }
    }),
    rule('close may be called twice', async (trial) => {
      await trial.close();
      await trial.close();
    }),
  ];
}

/** The calls that are neither answers nor embeddings. */
export function specialRules(subject: ConformanceSubject): ConformanceRule[] {
  const rule = ruleMaker(subject);
  const { wire, models } = subject;
  const rules: Partial<Record<Capability, ConformanceRule>> = {
    RERANK: rule('rerank gives one score from 0 to 1 for each text, in the order of the texts', async (trial) => {
      const scores = [0.2, 0.9, 0.05];
      trial.play((request) => ({ do: 'answer', ...required(wire.rerank, 'rerank')(scores, request) }));
      const request = { model: models.rerank ?? '', query: 'rain', texts: ['sun', 'rain', 'cake'] };
      const result = await trial.provider.rerank?.(request, call());
      assert.equal(result?.scores.length, 3);
      const order = [...(result?.scores.entries() ?? [])].sort(([, left], [, right]) => right - left);
      assert.deepEqual(
        order.map(([index]) => index),
        [1, 0, 2],
      );
      for (const score of result?.scores ?? []) assert.ok(score >= 0 && score <= 1, String(score));
      for (const text of [request.query, ...request.texts]) assertSent(trial, text);
    }),
    MODERATE: rule('moderate judges each text, in the order of the texts', async (trial) => {
      const flagged = [false, true];
      // A vendor that judges one text a request is told the judgement by the text.
      trial.play((request) => {
        const texts = ['a kind word', 'a threat'].filter((text) => sentText(request.body).includes(text));
        const judged = texts.map((text) => flagged[text === 'a threat' ? 1 : 0] as boolean);
        return { do: 'answer', ...required(wire.moderate, 'moderate')(judged, request) };
      });
      const request = { model: models.moderate ?? '', texts: ['a kind word', 'a threat'] };
      const result = await trial.provider.moderate?.(request, call());
      assert.deepEqual(
        result?.judgements.map((judgement) => judgement.flagged),
        flagged,
      );
      for (const { scores } of result?.judgements ?? []) {
        for (const score of Object.values(scores)) assert.ok(score >= 0 && score <= 1, String(score));
      }
    }),
    TRANSCRIBE: rule('transcribe sends the sound and gives what was said', async (trial) => {
      trial.play((request) => ({
        do: 'answer',
        ...required(wire.transcribe, 'transcribe')('Grüße aus 東京', request),
      }));
      const audio = new TextEncoder().encode('RIFF, so to speak');
      const request = { model: models.transcribe ?? '', audio, mimeType: 'audio/wav' };
      const result = await trial.provider.transcribe?.(request, call());
      assert.equal(result?.text, 'Grüße aus 東京');
      assert.ok((result?.durationSeconds ?? -1) >= 0);
      assert.ok(holdsAudio(trial, audio), 'the sound should have gone out');
    }),
    SPEAK: rule('speak sends the text and gives a sound', async (trial) => {
      const audio = Uint8Array.from([0x49, 0x44, 0x33, 0xff, 0xfb, 0x00]);
      trial.play((request) => ({ do: 'answer', ...required(wire.speak, 'speak')(audio, request) }));
      const result = await trial.provider.speak?.({ model: models.speak ?? '', text: 'Good evening' }, call());
      assert.deepEqual([...(result?.audio ?? [])], [...audio]);
      assert.match(result?.mimeType ?? '', /^audio\//);
      assertSent(trial, 'Good evening');
    }),
  };
  return Object.entries(rules)
    .filter(([capability]) => promises(subject, capability as Capability))
    .map(([, each]) => each);
}

function sentText(body: Uint8Array): string {
  return Buffer.from(body).toString('utf8');
}

function assertSent(trial: Trial, text: string): void {
  assert.ok(
    trial.requests.some(({ body }) => sentText(body).includes(text)),
    `${JSON.stringify(text)} should have gone out`,
  );
}

/** As it is, or as base64. */
function holdsAudio(trial: Trial, audio: Uint8Array): boolean {
  const bytes = Buffer.from(audio);
  return trial.requests.some(
    ({ body }) => Buffer.from(body).includes(bytes) || sentText(body).includes(bytes.toString('base64')),
  );
}
