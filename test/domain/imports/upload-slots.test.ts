import { expect, test } from 'vitest';
import { UploadSlots } from '../../../src/domain/imports/upload-slots.ts';
import { waitFor } from '../../support/wait-for.ts';

/** Uploads that last until they are ended. */
function open(options?: { waitMaxMs: number }) {
  const slots = new UploadSlots(options);
  const running: { workspaceId: string; end: () => void }[] = [];
  const upload = (workspaceId: string, signal?: AbortSignal) =>
    slots.run(workspaceId, () => new Promise<void>((resolve) => running.push({ workspaceId, end: resolve })), signal);
  const end = (workspaceId: string) => {
    const index = running.findIndex((one) => one.workspaceId === workspaceId);
    running.splice(index, 1)[0]?.end();
  };
  const names = () => running.map(({ workspaceId }) => workspaceId);
  return { upload, end, names };
}

const TOO_MANY = { code: 'UNAVAILABLE', message: expect.stringContaining('again') };

test('one workspace stores three files at once, and leaves room for others', async () => {
  const { upload, end, names } = open();
  const uploads = Array.from({ length: 5 }, () => upload('busy'));
  const other = upload('other');
  expect(names()).toEqual(['busy', 'busy', 'busy', 'other']);
  end('other');
  await other;
  expect(names()).toEqual(['busy', 'busy', 'busy']);
  for (let ended = 0; ended < 5; ended++) {
    await waitFor('the next one', () => names().length > 0);
    end('busy');
  }
  await Promise.all(uploads);
});

test('twelve are stored at once; who has waited longest comes next', async () => {
  const { upload, end, names } = open();
  for (let index = 0; index < 14; index++) void upload(`ws_${index}`);
  expect(names()).toHaveLength(12);
  end('ws_3');
  await waitFor('the next one', () => names().length === 12);
  expect(names().at(-1)).toBe('ws_12');
});

test('an upload that fails gives its slot back', async () => {
  const slots = new UploadSlots();
  const fail = () => slots.run('ws_1', () => Promise.reject(new Error('broken off')));
  for (let times = 0; times < 20; times++) await expect(fail()).rejects.toThrow('broken off');
});

test('a client that leaves while it waits takes no slot, nor does one that has left', async () => {
  const { upload, end, names } = open();
  for (let index = 0; index < 3; index++) void upload('ws_1');
  const leaving = new AbortController();
  const left = upload('ws_1', leaving.signal);
  leaving.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  await expect(upload('ws_2', AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone');
  for (let index = 0; index < 3; index++) end('ws_1');
  expect(names()).toEqual([]);
});

test('a client that waits too long, or behind too many, is told to come again', async () => {
  const impatient = open({ waitMaxMs: 20 });
  for (let index = 0; index < 3; index++) void impatient.upload('ws_1');
  await expect(impatient.upload('ws_1')).rejects.toMatchObject(TOO_MANY);
  const { upload } = open();
  for (let index = 0; index < 203; index++) void upload('ws_1');
  await expect(upload('ws_1')).rejects.toMatchObject(TOO_MANY);
});
