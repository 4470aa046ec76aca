/** Where things are in a frame on the page, and how large it is, in CSS pixels. */

import { type RefObject, useEffect, useState } from 'react';
import type { Point, Size } from '../core/geometry';

/** A pointer's place, from the inner corner of the frame. */
export function pointIn(element: HTMLElement, event: { clientX: number; clientY: number }): Point {
  const box = element.getBoundingClientRect();
  return [
    event.clientX - box.left - element.clientLeft,
    event.clientY - box.top - element.clientTop,
  ];
}

export function sizeOf(element: HTMLElement): Size {
  return { width: element.clientWidth, height: element.clientHeight };
}

/** Follows the frame when it changes; 0 x 0 before it is there. */
export function useSize(ref: RefObject<HTMLElement | null>): Size {
  const [size, setSize] = useState<Size>({ width: 0, height: 0 });
  useEffect(() => {
    const element = ref.current;
    if (!element) return;
    const observer = new ResizeObserver(() => setSize(sizeOf(element)));
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}
