export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/** One record of the library's log. It never holds a key or the text of a message. */
export interface LogRecord {
  /** Unix milliseconds. */
  time: number;
  level: LogLevel;
  /** The part of the library that it comes from, such as `llmrouter::router`. */
  target: string;
  message: string;
  /** What the message is about: `deployment`, `group`, `cause`, … */
  [member: string]: unknown;
}
