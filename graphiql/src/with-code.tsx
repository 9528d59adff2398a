import type { FC, ReactNode } from 'react';

/** Text with code between backticks. */
export const WithCode: FC<{ text: string }> = ({ text }) =>
  text.split('`').map((part, index): ReactNode => (index % 2 === 0 ? part : <code key={part}>{part}</code>));
