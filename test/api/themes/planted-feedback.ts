/** What customers say about three things, and some that have nothing to do with any of them. */
export const PDF_EXPORT = [
  'The PDF export cuts off the last column of the table',
  'Exporting a report to PDF loses the page numbers',
  'PDF export is blank when the report has charts',
  'Please let me choose the paper size for the PDF export',
  'The PDF export of long reports stops at page 40',
  'Fonts look wrong in the exported PDF',
  'Our logo is missing from the PDF export',
  'PDF export takes five minutes for a small report',
  'I want to export several reports into one PDF',
  'The PDF export ignores the landscape setting of the report',
];

export const DARK_MODE = [
  'Dark mode makes the text in the sidebar unreadable',
  'Please add a dark mode, the white background hurts at night',
  'Dark mode resets to the light theme after every restart',
  'In dark mode the icons of the toolbar cannot be seen',
  'Dark mode should follow the setting of the operating system',
  'The dark mode colours have too little contrast',
  'Charts keep a white background in dark mode',
  'I love the new dark mode, it is easy on the eyes at night',
  'Switching to dark mode flashes a white screen first',
  'Emails should look right in dark mode too',
];

export const PASSWORD_RESET = [
  'The password reset email never arrives',
  'Password reset link says it has expired at once',
  'I cannot sign in after a password reset',
  'The password reset page rejects my new password without a reason',
  'Resetting my password logs out the whole team',
  'Password reset emails go to the spam folder',
  'The link in the password reset email opens an error page',
  'I asked for a password reset three times and got no email',
  'Password reset does not work with single sign-on accounts',
  'Please make the password reset link valid for a day',
];

export const STRANGERS = ['Happy birthday to Anna from accounting', 'The lake was frozen when geese flew over it'];

export const PLANTED = [...PDF_EXPORT, ...DARK_MODE, ...PASSWORD_RESET, ...STRANGERS];
