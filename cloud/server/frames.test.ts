import { expect, it } from 'vitest';
import { BrokerMessage } from '../broker/index.ts';
import { FrameCache } from './frames.ts';

it('builds the bytes of a message once per subprotocol', () => {
  const frames = new FrameCache();
  const message = new BrokerMessage('a/b', Buffer.from('["ä",1]'), 7, false);
  expect(frames.json(message).toString()).toBe('{"op":"message","topic":"a/b","offset":7,"data":["ä",1]}');
  expect(frames.echo(message).toString()).toBe('{"channel":"a/b","message":["ä",1]}');
  expect(frames.json(message)).toBe(frames.json(message));
  expect(frames.echo(message)).toBe(frames.echo(message));
  const retained = message.asRetained();
  expect(frames.json(retained).toString()).toBe(
    '{"op":"message","topic":"a/b","offset":7,"retained":true,"data":["ä",1]}',
  );
});

it('never lets a payload that is no JSON into the text of a message', () => {
  const frames = new FrameCache();
  const message = new BrokerMessage('a/b', Buffer.from('1},"op":"welcome"'), 7, false);
  expect(JSON.parse(frames.json(message).toString())).toEqual({
    op: 'message',
    topic: 'a/b',
    offset: 7,
    encoding: 'base64',
    data: message.payload.toString('base64'),
  });
  expect(JSON.parse(frames.echo(message).toString())).toEqual({
    channel: 'a/b',
    message: message.payload.toString('base64'),
  });
});
