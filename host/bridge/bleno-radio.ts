/**
 * The radio of a module, by bleno: its GATT table, advertising, one central at a time.
 *
 * bleno has no public word for two things that a module needs: how much still waits for the controller, and the largest
 * MTU that is agreed to. Both are read from its HCI binding where there is one; on other bindings (macOS) the radio counts
 * as always ready and bleno's own MTU holds.
 */

import type { Peripheral } from '../radio/index.ts';
import type { GattCharacteristic, Personality } from './personality.ts';
import type { BridgeRadio, BridgeRadioEvents } from './radio.ts';

type Bleno = Peripheral['bleno'];
type Handle = number | string;

/** Packets that may wait in bleno for the controller: enough to keep a connection event busy, not enough to hide delay. */
const MAX_WAITING = 4;
const RESULT_SUCCESS = 0;
const ATT_HEADER = 3;

/** What is looked at of bleno's HCI binding. */
interface HciBinding {
  readonly _bindings?: {
    readonly _hci?: { readonly _aclOutQueue?: readonly unknown[] };
    readonly _gatt?: { maxMtu?: number };
  };
}

/** @param peripheral powered on, and the radio's alone: closed with it */
export function blenoRadio(peripheral: Peripheral, personality: Personality) {
  return (events: BridgeRadioEvents): BridgeRadio => new BlenoRadio(peripheral, personality, events);
}

class BlenoRadio implements BridgeRadio {
  private readonly peripheral: Peripheral;
  private readonly bleno: Bleno;
  private readonly personality: Personality;
  private readonly events: BridgeRadioEvents;
  private name: string | undefined;
  private central: Handle | undefined;
  private update: ((data: Buffer) => void) | undefined;
  private closed = false;

  constructor(peripheral: Peripheral, personality: Personality, events: BridgeRadioEvents) {
    this.peripheral = peripheral;
    this.bleno = peripheral.bleno;
    this.personality = personality;
    this.events = events;
    const { bleno } = this;
    const gatt = (bleno as HciBinding)._bindings?._gatt;
    if (gatt?.maxMtu !== undefined) gatt.maxMtu = personality.maxMtu;
    const characteristics = personality.characteristics.map((characteristic) => this.characteristic(characteristic));
    bleno.setServices([new bleno.PrimaryService({ uuid: personality.service, characteristics })]);
    bleno.on('accept', (address, handle) => this.accepted(address, handle));
    bleno.on('disconnect', (_address, handle) => this.disconnected(handle));
    bleno.on('mtuChange', (mtu) => {
      if (this.update !== undefined) events.onRoom(mtu - ATT_HEADER);
    });
  }

  get address(): string {
    const { address } = this.bleno;
    return /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(address) ? address : '00:00:00:00:00:00';
  }

  advertise(name: string | undefined): void {
    this.name = name;
    if (this.closed) return;
    if (name === undefined) this.bleno.stopAdvertising();
    else if (this.central === undefined) this.start(name);
  }

  notify(packet: Uint8Array): boolean {
    if (this.update === undefined || this.waiting >= MAX_WAITING) return false;
    this.update(Buffer.from(packet));
    return true;
  }

  disconnect(): void {
    if (this.central !== undefined) this.hangUp(this.central);
  }

  async close(): Promise<void> {
    if (this.closed) return;
    this.closed = true;
    this.update = undefined;
    await this.peripheral.close();
  }

  /** Packets that bleno holds because the controller has no buffer for them. */
  private get waiting(): number {
    return (this.bleno as HciBinding)._bindings?._hci?._aclOutQueue?.length ?? 0;
  }

  private start(name: string): void {
    this.bleno.startAdvertising(name, [this.personality.service]);
  }

  private accepted(address: string, handle: Handle): void {
    if (this.central !== undefined) {
      this.hangUp(handle);
      return;
    }
    this.central = handle;
    // bleno would advertise on; a module with a connection does not.
    this.bleno.stopAdvertising();
    this.events.onConnected(address);
  }

  private disconnected(handle: Handle): void {
    if (handle !== this.central) return;
    this.central = undefined;
    this.update = undefined;
    this.events.onDisconnected();
    if (this.name !== undefined && !this.closed) this.start(this.name);
  }

  private hangUp(handle: Handle): void {
    (this.bleno as { disconnect(handle: Handle): void }).disconnect(handle);
  }

  private characteristic({ uuid, properties, written, stream }: GattCharacteristic) {
    const { events } = this;
    return new this.bleno.Characteristic({
      uuid,
      properties,
      ...(properties.includes('read') && {
        onReadRequest: (_handle, _offset, answer) => answer(RESULT_SUCCESS, Buffer.alloc(0)),
      }),
      onWriteRequest: (handle, data, _offset, withoutResponse, answer) => {
        const taken = () => answer(RESULT_SUCCESS);
        if (handle !== this.central || written === 'none') taken();
        else events.onWritten(new Uint8Array(data), withoutResponse ? undefined : taken);
      },
      ...(stream && {
        onSubscribe: (handle, room, update) => {
          if (handle !== this.central) return;
          this.update = update;
          events.onSubscribed(room);
        },
        onUnsubscribe: (handle) => {
          if (handle !== this.central || this.update === undefined) return;
          this.update = undefined;
          events.onUnsubscribed();
        },
      }),
    });
  }
}
