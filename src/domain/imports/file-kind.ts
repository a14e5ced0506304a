/** What a file is by its first bytes, where that is no text: signatures as https://en.wikipedia.org/wiki/List_of_file_signatures has them. */
const SIGNATURES: readonly { kind: string; bytes: string; encoding?: BufferEncoding }[] = [
  { kind: 'a gzip file', bytes: '1f8b', encoding: 'hex' },
  { kind: 'a zip file', bytes: '504b0304', encoding: 'hex' },
  { kind: 'a zip file', bytes: '504b0506', encoding: 'hex' },
  { kind: 'a 7-Zip file', bytes: '377abcaf271c', encoding: 'hex' },
  { kind: 'an xz file', bytes: 'fd377a585a00', encoding: 'hex' },
  { kind: 'a Zstandard file', bytes: '28b52ffd', encoding: 'hex' },
  { kind: 'a bzip2 file', bytes: 'BZh' },
  { kind: 'a RAR file', bytes: 'Rar!' },
  { kind: 'a PDF file', bytes: '%PDF-' },
  { kind: 'an old Excel or Word file', bytes: 'd0cf11e0a1b11ae1', encoding: 'hex' },
  { kind: 'a Parquet file', bytes: 'PAR1' },
  { kind: 'an Arrow file', bytes: 'ARROW1' },
  { kind: 'a SQLite database', bytes: 'SQLite format 3' },
  { kind: 'a PNG image', bytes: '89504e47', encoding: 'hex' },
  { kind: 'a JPEG image', bytes: 'ffd8ff', encoding: 'hex' },
  { kind: 'a GIF image', bytes: 'GIF8' },
  { kind: 'an RTF document', bytes: '{\\rtf' },
];

/** Names that the first entries of an Office file have. */
const OFFICE_ENTRY = /\[Content_Types\]\.xml|_rels\/\.rels|xl\/|word\/|mimetypeapplication\/vnd\.oasis/;
const MARKUP = /^\s*<(?:!doctype\s+html|html|\?xml)/i;

/** Null where the first bytes may be those of a text. Nothing is ever unpacked. */
export function foreignKind(head: Buffer): string | null {
  const found = SIGNATURES.find(({ bytes, encoding }) => {
    const signature = Buffer.from(bytes, encoding ?? 'latin1');
    return head.subarray(0, signature.length).equals(signature);
  });
  if (found?.kind === 'a zip file' && OFFICE_ENTRY.test(head.toString('latin1', 0, 4_096))) {
    return 'a spreadsheet or Office file';
  }
  if (found !== undefined) return found.kind;
  return MARKUP.test(head.toString('latin1', 0, 200)) ? 'an HTML or XML file' : null;
}
