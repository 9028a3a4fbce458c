import { expect, it } from 'vitest';
import { FrameCache } from './frames.ts';

it('builds the bytes of a message once per subprotocol', () => {
  const frames = new FrameCache();
  const message = { topic: 'a/b', data: ['ä', 1], retained: false };
  expect(frames.json(message).toString()).toBe('{"op":"message","topic":"a/b","data":["ä",1]}');
  expect(frames.echo(message).toString()).toBe('{"channel":"a/b","message":["ä",1]}');
  expect(frames.json(message)).toBe(frames.json(message));
  expect(frames.echo(message)).toBe(frames.echo(message));
  const retained = { ...message, retained: true };
  expect(frames.json(retained).toString()).toBe('{"op":"message","topic":"a/b","data":["ä",1],"retained":true}');
});
