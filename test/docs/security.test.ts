import { describe, expect, test } from 'vitest';
import { PERMISSIONS, ROLE_PERMISSIONS, ROLES } from '../../src/domain/access/actions.ts';
import { readFromRoot, tableRows } from './page.ts';

const PAGE = readFromRoot('docs/security.md');
const COLUMNS = ['OWNER', 'ADMIN', 'MEMBER', 'VIEWER'] as const;

describe('the page on security', () => {
  test('has a column for every role', () => {
    expect([...ROLES].sort()).toEqual([...COLUMNS].sort());
    expect(PAGE).toContain(`| Permission | ${COLUMNS.join(' | ')} |`);
  });

  test('shows for every permission which roles have it, as the permission table does', () => {
    const onPage = tableRows(PAGE, /^[A-Z]+_[A-Z]+$/).map(([permission, ...cells]) => [
      permission,
      ...COLUMNS.filter((_, column) => cells[column] === 'yes'),
    ]);
    const inCode = PERMISSIONS.map((permission) => [
      permission,
      ...COLUMNS.filter((role) => ROLE_PERMISSIONS[role].includes(permission)),
    ]);
    expect(onPage.sort()).toEqual(inCode.sort());
  });

  test('names every function that runs with the rights of its owner', () => {
    const migration = readFromRoot('drizzle/0001_row_level_security.sql');
    const functions = [...migration.matchAll(/create function (\w+)\([\s\S]*?security definer/g)].map(
      ([, name]) => name as string,
    );
    expect(functions.length).toBeGreaterThan(0);
    expect(
      tableRows(PAGE, /^[a-z]+_[a-z_]+\(\)$/)
        .map(([name]) => name?.replace('()', ''))
        .sort(),
    ).toEqual(functions.sort());
  });
});
