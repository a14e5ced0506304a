import { codeSpan, fenced } from './adf.ts';

/** Markup that only Jira's wiki renderer has; its presence tells that a text was written for it. */
const WIKI_SIGNS =
  /\{(?:code|noformat|quote|panel|color|info|note|warning|tip|expand)(?:[:|}])|^\s*h[1-6]\.\s|^\s*bq\.\s|^\s*\|\||\[[^\]|\n]{1,300}\|(?:https?:|mailto:|#)[^\]\n]{0,999}\]|\{\{[^{}\n]{1,300}\}\}|![^\s!]{1,200}\.(?:png|jpe?g|gif|svg)(?:\|[^!\n]{0,200})?!|\[~[\w:.@-]+\]/im;

const CODE_MACRO = /\{(code|noformat)(?::[^}\n]*)?\}([\s\S]*?)\{\1\}/gi;
const MARKDOWN_CODE = /(^ {0,3}(?:```|~~~)[^\n]*\n[\s\S]*?(?:^ {0,3}(?:```|~~~)[^\n]*$|(?![\s\S]))|`[^`\n]+`)/gm;

export function looksLikeJiraWiki(text: string): boolean {
  return WIKI_SIGNS.test(text);
}

/**
 * Jira wiki markup as markdown, for one cleaning of both: texts that were written as markdown and pasted into Jira keep
 * their meaning. Code is set aside first, so that nothing in it is taken for markup.
 * @see https://jira.atlassian.com/secure/WikiRendererHelpAction.jspa?section=all
 */
export function jiraWikiToMarkdown(text: string): string {
  const withFences = text.replace(CODE_MACRO, (_macro, _name, code: string) =>
    code.includes('\n') ? `\n${fenced(code)}\n` : codeSpan(code),
  );
  return withFences
    .split(MARKDOWN_CODE)
    .map((part, index) => (index % 2 === 1 ? part : convert(part)))
    .join('');
}

function convert(text: string): string {
  return convertInline(convertBlocks(convertMacros(text)));
}

function convertMacros(text: string): string {
  return text
    .replace(
      /\{(?:panel|expand|info|note|warning|tip):([^}\n]*)\}/gi,
      (_macro, options: string) => `\n\n${titleOption(options)}\n\n`,
    )
    .replace(/\{status:([^}\n]*)\}/gi, (_macro, options: string) => titleOption(options))
    .replace(/\{color(?::[^}\n]*)?\}/gi, '')
    .replace(/\{(?:quote|panel|expand|info|note|warning|tip|section|column|div|center)(?::[^}\n]*)?\}/gi, '\n\n')
    .replace(/\{(?:anchor|toc|status|attachments|children|include|jira|code|noformat)(?::[^}\n]*)?\}/gi, '')
    .replace(/\{([*_+^~-]|\?\?)\}/g, '$1')
    .replace(/\{\{([^{}\n]{1,300})\}\}/g, (_macro, code: string) => codeSpan(code));
}

function titleOption(options: string): string {
  return /(?:^|\|)title=([^|]*)/i.exec(options)?.[1]?.trim() ?? '';
}

function convertBlocks(text: string): string {
  const isMarkdownTable = /^\s*\|?\s*:?-{3,}:?\s*(?:\||$)/m.test(text);
  return text
    .split('\n')
    .map((line) => (isMarkdownTable ? line : tableRow(line)))
    .map((line) =>
      line
        .replace(/^\s*(?:h[1-6]|bq)\.\s+(.*)$/, '\n$1\n')
        .replace(/^\s*[*#-]{2,}\s+(?=\S)/, '- ')
        .replace(/^\s*#\s+(?=\S)/, '- ')
        .replace(/\\\\/g, '\n'),
    )
    .join('\n');
}

/** A row is a line of its own: markdown joins rows into a table only below a separator, which wiki markup lacks. */
function tableRow(line: string): string {
  const row = line.trim();
  if (!row.startsWith('||') && !/^\|.*\|$/.test(row)) return line;
  const cells = row
    // The bar in a link is no cell's end.
    .replace(/\[([^[\]|]{1,300})\|[^\]]{1,999}\]/g, '$1')
    .split(/\|{1,2}/)
    .map((cell) => cell.trim());
  return `${cells.filter((cell) => cell !== '').join('; ')}`;
}

function convertInline(text: string): string {
  return text
    .replace(/\[([^[\]|\n]{1,300})\|(?:https?:|ftp:|mailto:|file:|#|\^|~|\/|www\.)[^\]\n]{0,999}\]/gi, '$1')
    .replace(/\[~(?:accountid:)?([^\]\n]{1,100})\]/g, '@$1')
    .replace(/\[\^([^\]|\n]{1,200})\](?!:)/g, '$1')
    .replace(/\[((?:https?:\/\/|mailto:)[^\]|\s]{1,999})\](?!\()/gi, '$1')
    .replace(/(^|[\s(])!([^\s!]{1,200}\.[a-z]{2,5})(?:\|[^!\n]{0,200})?!(?=$|[\s.,)])/gim, '$1$2')
    .replace(/(^|[\s(])\?\?(\S[^?\n]{0,200}?)\?\?(?=$|[\s.,;:!?)])/gm, '$1$2')
    .replace(/(^|[\s(])\+(\p{L}[^+\n]{0,200}?)\+(?=$|[\s.,;:!?)])/gmu, '$1$2')
    .replace(/(^|[\s(])-(\p{L}[^-\n]{0,200}?[\p{L}\p{N}.!?])-(?=$|[\s.,;:!?)])/gmu, '$1$2')
    .replace(/(^|[\s(])\^([\p{L}\p{N}][^^\n]{0,200}?)\^(?=$|[\s.,;:!?)])/gmu, '$1$2')
    .replace(/(^|[\s(])~(\p{L}[^~\n]{0,200}?)~(?=$|[\s.,;:!?)])/gmu, '$1$2');
}
