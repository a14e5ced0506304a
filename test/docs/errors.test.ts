import { GraphQLError } from 'graphql';
import { describe, expect, test } from 'vitest';
import { createLogger } from '../../src/observability/logger.ts';
import { REFUSAL_REASONS } from '../../src/plugins/plugin-errors.ts';
import { schema } from '../../src/schema/index.ts';
import { toClientError } from '../../src/server/use-error-codes.ts';
import { ERROR_CODES } from '../../src/shared/errors.ts';
import { readFromRoot, tableRows } from './page.ts';

const PAGE = readFromRoot('docs/errors.md');
const documented = tableRows(PAGE, /^[A-Z_]{4,}$/);

describe('the page on errors', () => {
  test('explains every error code, and none that there is not', () => {
    expect(documented.map(([code]) => code).sort()).toEqual([...ERROR_CODES].sort());
  });

  test.each(documented)('%s comes with the HTTP status %s', (code, status) => {
    const error = toClientError(new GraphQLError('refused', { extensions: { code } }), createLogger('silent'), null);
    const { http } = error.extensions as { http?: { status: number } };
    expect(String(http?.status ?? 200)).toBe(status);
  });

  test('says of every code what to do', () => {
    for (const [code, , meaning, wayOut] of documented) {
      expect(meaning?.length, `what ${code} means`).toBeGreaterThan(10);
      expect(wayOut?.length, `what to do about ${code}`).toBeGreaterThan(10);
    }
  });

  test('lists every typed error of the schema, and none that there is not', () => {
    const errorInterface = schema.getType('Error');
    const typed = Object.values(schema.getTypeMap()).filter(
      (type) => 'getInterfaces' in type && type.getInterfaces().some((one) => one === errorInterface),
    );
    const onPage = tableRows(PAGE, /^\w+Error$/).map(([name]) => name);
    expect(typed.length).toBeGreaterThan(3);
    expect(onPage.sort()).toEqual(typed.map((type) => type.name).sort());
  });

  test('lists every reason for which a plugin is refused, and what to do', () => {
    const [, section = ''] = PAGE.split('## Why a plugin is refused');
    const reasons = tableRows(section, /./).filter(([, reason]) => /^[A-Z_]{4,}$/.test(reason ?? ''));
    expect(reasons.map(([, reason]) => reason).sort()).toEqual([...REFUSAL_REASONS].sort());
    for (const [, reason, wayOut] of reasons) expect(wayOut?.length, `what to do about ${reason}`).toBeGreaterThan(10);
  });
});
