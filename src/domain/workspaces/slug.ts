import { InvalidInputError } from '../../shared/errors.ts';

const SLUG_MAX_CHARACTERS = 60;
const SLUG_SHAPE = /^[a-z0-9]+(?:-[a-z0-9]+)*$/;

/** A slug made from a name: lower-case letters and digits of its Latin form, joined by dashes. */
export function slugOf(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, SLUG_MAX_CHARACTERS)
    .replace(/^-+|-+$/g, '');
  if (slug === '')
    throw InvalidInputError.at('slug', 'cannot be made from this name: give one of lower-case letters and digits');
  return slug;
}

export function checkSlug(slug: string): string {
  if (slug.length > SLUG_MAX_CHARACTERS || !SLUG_SHAPE.test(slug)) {
    throw InvalidInputError.at(
      'slug',
      `must be 1 to ${SLUG_MAX_CHARACTERS} lower-case letters, digits and single dashes`,
    );
  }
  return slug;
}
