/** The stub from literal packets, as the GDB manual writes them. */

import { describe, expect, it } from 'vitest';
import { GdbSession } from './gdb.ts';
import { encodePacket, PacketReader } from './gdb-packet.ts';
import { GdbTarget } from './gdb-target.ts';
import { fromHex, toHex } from './hex.ts';
import { imageFromWords } from './image/words.ts';
import { Mcu } from './mcu.ts';

/**
 * C000 MOV #0x5A80,&WDTCTL
 * C006 MOV #0x0400,SP
 * C00A MOV #0,&0x0210
 * C00E loop: INC &0x0210
 * C012 MOV &0x0210,&0x0212
 * C018 PUSH R4
 * C01A POP R4
 * C01C JMP loop
 */
const program = imageFromWords([
  0x40b2, 0x5a80, 0x0120, 0x4031, 0x0400, 0x4382, 0x0210, 0x5392, 0x0210, 0x4292, 0x0210, 0x0212, 0x1204, 0x4134,
  0x3ff8,
]);

const bytes = (text: string) => Uint8Array.from(text, (char) => char.charCodeAt(0));
const text = (data: Uint8Array) => String.fromCharCode(...data);

/** A debugger that is wired to the stub; time passes in `run` only. */
function debugging() {
  const mcu = new Mcu({ image: program });
  let sent = '';
  let going = false;
  const session = new GdbSession(new GdbTarget(mcu), {
    send: (data) => {
      sent += text(data);
    },
    resume: () => {
      going = true;
    },
    pause: () => {
      going = false;
    },
  });
  const take = () => {
    const taken = sent;
    sent = '';
    return taken;
  };
  return {
    mcu,
    session,
    take,
    get going() {
      return going;
    },
    /** Sends a packet; the reply's contents, undefined when there is none. */
    ask(request: string): string | undefined {
      session.receive(encodePacket(request));
      return /^\+(?:\$(.*)#..)?$/s.exec(take())?.[1];
    },
    /** Lets the board run for so many slices, or until it is told to stop. */
    run(slices = 1): string | undefined {
      for (let index = 0; index < slices && going; index++) {
        mcu.runFor(0.001);
        session.afterSlice();
      }
      return /\$(.*)#../s.exec(take())?.[1];
    },
  };
}

describe('packets', () => {
  const everyByte = String.fromCharCode(...Uint8Array.from({ length: 256 }, (_, index) => index));

  it('carry every byte, cut anywhere', () => {
    const packet = encodePacket(everyByte);
    for (let cut = 0; cut <= packet.length; cut++) {
      const seen: string[] = [];
      const note = (name: string) => () => void seen.push(name);
      const handlers = { interrupt: note('interrupt'), resend: note('resend'), damaged: note('damaged') };
      const reader = new PacketReader(
        { ...handlers, acknowledged: note('acknowledged'), packet: (body) => seen.push(body) },
        4096,
      );
      reader.feed(packet.subarray(0, cut));
      reader.feed(packet.subarray(cut));
      expect(seen).toEqual([everyByte]);
    }
  });

  it('have the checksum of the manual', () => {
    expect(text(encodePacket('OK'))).toBe('$OK#9a');
    expect(text(encodePacket('a}b#'))).toBe('$a}]b}\x03#1d');
  });

  it('are refused when damaged or too long, and sent again when the other side asks', () => {
    const { session, take } = debugging();
    session.receive(bytes('$g#00'));
    expect(take()).toBe('-');
    session.receive(bytes(`$${'m'.repeat(0x4001)}`));
    expect(take()).toBe('-');
    session.receive(bytes('$qC#b4'));
    expect(take()).toBe('+$QC1#c5');
    session.receive(bytes('-'));
    expect(take()).toBe('$QC1#c5');
  });

  it('are acknowledged before they come when the last reply was, and not at all in no-ack mode', () => {
    const { session, take } = debugging();
    session.receive(bytes('$qC#b4'));
    take();
    session.receive(bytes('+'));
    expect(take()).toBe('+');
    session.receive(bytes('$qC#b4'));
    expect(take()).toBe('$QC1#c5');
    session.receive(encodePacket('QStartNoAckMode'));
    expect(take()).toBe('+$OK#9a');
    session.receive(bytes('+'));
    session.receive(bytes('$qC#b4'));
    expect(take()).toBe('$QC1#c5');
  });
});

describe('registers', () => {
  it('are 16 of 16 bits, little-endian', () => {
    const { ask, mcu } = debugging();
    expect(ask('g')).toBe(`00c0${'0000'.repeat(15)}`);
    expect(ask('P5=3412')).toBe('OK');
    expect(mcu.registers[5]).toBe(0x1234);
    expect(ask('p5')).toBe('3412');
    expect(ask(`G${'0200'.repeat(2)}${'0000'.repeat(2)}${'cdab'.repeat(12)}`)).toBe('OK');
    expect([...mcu.registers]).toEqual([2, 2, 0, 0, ...new Array(12).fill(0xabcd)]);
  });

  it('are 32 bits wide for msp430-elf-gdb', () => {
    const { ask } = debugging();
    expect(ask('qSupported:multiprocess+;swbreak+')).toContain('PacketSize=2000');
    expect(ask('g')).toBe(`00c00000${'00000000'.repeat(15)}`);
    expect(ask('Pf=78560000')).toBe('OK');
    expect(ask('pf')).toBe('78560000');
    expect(ask('?')).toMatch(/^T0500:00c00000;01:/);
  });

  it('SR has its effect on the clocks', () => {
    const { ask, mcu } = debugging();
    expect(ask('P2=f000')).toBe('OK');
    expect(mcu.sleeping).toBe(true);
    expect(mcu.clocks.mclk.running).toBe(false);
  });

  it.each(['P5', 'P5=1', 'P10=0000', 'p10', 'G00', 'Pzz=0000'])('%s is refused', (packet) => {
    expect(debugging().ask(packet)).toBe('E01');
  });
});

describe('memory', () => {
  it('reads and writes RAM in hex and binary', () => {
    const { ask } = debugging();
    expect(ask('M0300,4:deadbeef')).toBe('OK');
    expect(ask('X304,3:ab')).toBe('E01');
    expect(ask(`X304,2:${String.fromCharCode(0x23, 0x7d)}`)).toBe('OK');
    expect(ask('m300,6')).toBe('deadbeef237d');
  });

  it('writes peripheral registers as the CPU does', () => {
    const { ask, mcu } = debugging();
    expect(ask('M22,1:01')).toBe('OK');
    expect(ask('M21,1:01')).toBe('OK');
    expect(mcu.pin(1, 0).driven).toBe(1);
    expect(ask('M120,2:805a')).toBe('OK');
    expect(ask('M0172,2:3412')).toBe('OK');
    expect(ask('m172,2')).toBe('3412');
  });

  it('treats flash as a programmer does: erase, then clear bits', () => {
    const { ask } = debugging();
    expect(ask('Mc000,2:0f0f')).toBe('OK');
    expect(ask('mc000,2')).toBe('0200');
    expect(ask('vFlashErase:c000,200')).toBe('OK');
    expect(ask('mc000,2')).toBe('ffff');
    expect(ask(`vFlashWrite:c000:${String.fromCharCode(0x23, 0x2a, 0x7d)}`)).toBe('OK');
    expect(ask('vFlashDone')).toBe('OK');
    expect(ask('mc000,4')).toBe('232a7dff');
    expect(ask('vFlashErase:c000,100')).toBe('E03');
    expect(ask('vFlashErase:c100,200')).toBe('E03');
    expect(ask('vFlashErase:200,200')).toBe('E03');
  });

  it('keeps the calibration when everything is erased', () => {
    const { ask, mcu } = debugging();
    const calibration = mcu.peekWord(0x10fe);
    expect(calibration).not.toBe(0xffff);
    mcu.poke(0x1000, Uint8Array.of(1));
    expect(ask(`qRcmd,${toHex(bytes('erase'))}`)).toBe('OK');
    expect(mcu.peek(0x1000)).toBe(1);
    expect(mcu.peekWord(0xfffe)).toBe(0xffff);
    expect(ask(`qRcmd,${toHex(bytes('erase all'))}`)).toBe('OK');
    expect(mcu.peek(0x1000)).toBe(0xff);
    expect(mcu.peekWord(0x10fe)).toBe(calibration);
  });

  it('has a checksum and a map, in parts', () => {
    const { ask } = debugging();
    ask('M300,9:313233343536373839');
    // CRC-32/MPEG-2 of "123456789".
    expect(ask('qCRC:300,9')).toBe('C376e6e7');
    let map = '';
    for (let offset = 0; ; offset += 100) {
      const part = ask(`qXfer:memory-map:read::${offset.toString(16)},64`)!;
      map += part.slice(1);
      if (part[0] === 'l') break;
      expect(part).toHaveLength(101);
    }
    expect(map).toContain('<memory type="flash" start="0xc000" length="0x4000">');
    expect(map.endsWith('</memory-map>')).toBe(true);
  });

  it.each(['m', 'mxyz,2', 'm300', 'M300,2:00', 'M300,1:zz', 'X300,2:a', 'qCRC:1', 'vFlashWrite:x'])(
    '%s is refused',
    (packet) => {
      expect(debugging().ask(packet)).toBe('E01');
    },
  );
});

describe('running', () => {
  it('steps', () => {
    const { ask, mcu } = debugging();
    expect(ask('s')).toMatch(/^T0500:06c0;/);
    expect(ask('sc00a')).toMatch(/^T0500:0ec0;/);
    expect(ask('S05;c006')).toMatch(/^T0500:0ac0;/);
    expect(mcu.instructions).toBe(3);
  });

  it('stops at a breakpoint and passes it when it goes on from there', () => {
    const debug = debugging();
    expect(debug.ask('Z0,c00e,2')).toBe('OK');
    for (let round = 0; round < 3; round++) {
      expect(debug.ask('c')).toBeUndefined();
      expect(debug.going).toBe(true);
      expect(debug.run(10)).toMatch(/^T0500:0ec0;/);
      expect(debug.mcu.peekWord(0x210)).toBe(round);
    }
    expect(debug.ask('z0,c00e,2')).toBe('OK');
    debug.ask('c');
    expect(debug.run(3)).toBeUndefined();
    expect(debug.going).toBe(true);
  });

  it('Ctrl-C stops it, and so does any packet', () => {
    const debug = debugging();
    debug.ask('c');
    debug.run(2);
    debug.session.receive(Uint8Array.of(3));
    expect(debug.take()).toMatch(/^\$T0200:/);
    expect(debug.going).toBe(false);
    debug.session.receive(Uint8Array.of(3));
    expect(debug.take()).toBe('');
    debug.ask('c');
    debug.session.receive(encodePacket('qC'));
    expect(debug.take()).toMatch(/^\+\$T02.*#..\$QC1#c5$/);
    expect(debug.going).toBe(false);
  });

  it.each([
    ['write', 'Z2,210,2', /^T05watch:0210;00:0ec0;/],
    ['read', 'Z3,210,2', /^T05rwatch:0210;00:12c0;/],
    ['access', 'Z4,211,1', /^T05awatch:0211;00:0ec0;/],
    ['stack', 'Z2,3fe,2', /^T05watch:03fe;00:1ac0;/],
    ['pop', 'Z3,3fe,2', /^T05rwatch:03fe;00:1cc0;/],
  ])('stops after a watched %s', (_, point, reply) => {
    const debug = debugging();
    expect(debug.ask(point)).toBe('OK');
    debug.ask('c');
    expect(debug.run(5)).toMatch(reply);
    expect(debug.ask(point.replace('Z', 'z'))).toBe('OK');
    debug.ask('c');
    expect(debug.run(3)).toBeUndefined();
  });

  it('R, r and monitor reset begin again', () => {
    const debug = debugging();
    for (const request of ['R00', 'r', `qRcmd,${toHex(bytes('reset'))}`]) {
      debug.ask('s');
      expect(debug.mcu.registers[0]).toBe(0xc006);
      expect(debug.ask(request)).toBe('OK');
      expect(debug.mcu.registers[0]).toBe(0xc000);
    }
  });

  it('runs on without breakpoints when the debugger detaches or is gone, not when it killed', () => {
    const detached = debugging();
    detached.ask('Z0,c00e,2');
    expect(detached.ask('D')).toBe('OK');
    detached.run(3);
    expect(detached.mcu.peekWord(0x210)).toBeGreaterThan(1);

    const gone = debugging();
    gone.ask('Z0,c00e,2');
    gone.session.close();
    expect(gone.going).toBe(true);
    expect(gone.run(3)).toBeUndefined();
    expect(gone.mcu.peekWord(0x210)).toBeGreaterThan(1);

    const killed = debugging();
    killed.ask('s');
    expect(killed.ask('k')).toBeUndefined();
    killed.session.close();
    expect(killed.going).toBe(false);
    expect(killed.mcu.registers[0]).toBe(0xc000);
  });
});

describe('the rest', () => {
  it('answers what it does not know with nothing', () => {
    const { ask } = debugging();
    for (const packet of ['vCont?', 'vMustReplyEmpty', '!', 'qTStatus', 'Z5,0,0', 'bc', '']) {
      expect(ask(packet), packet).toBe('');
    }
  });

  it('tells time and commands', () => {
    const { ask } = debugging();
    const monitor = (command: string) => text(fromHex(ask(`qRcmd,${toHex(bytes(command))}`)!)!);
    expect(monitor('status')).toMatch(/^0\.00000\d+ s, 4 MCLK cycles awake, 0 instructions, MCLK \d+ Hz, awake\n$/);
    expect(monitor('help')).toContain('erase all');
    expect(monitor('dance')).toContain('"dance" is no command');
    expect(monitor('erase segment 12')).toContain('erase takes');
  });

  it('survives any bytes', () => {
    const { session, ask } = debugging();
    let state = 1;
    const noise = Uint8Array.from({ length: 20_000 }, () => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return state >>> 24;
    });
    session.receive(noise);
    session.receive(bytes('#00'));
    for (let index = 0; index < 200; index++) {
      const letter = String.fromCharCode(33 + (index % 94));
      session.receive(encodePacket(letter + text(noise.subarray(100 * index, 100 * index + (index % 60)))));
    }
    session.receive(Uint8Array.of(3));
    expect(ask('qC') ?? 'QC1').toBe('QC1');
  });
});
