/** The sharp part of a large picture, over a coarse one of the same place. */

import { useLayoutEffect, useRef } from 'react';
import type { Size } from '../core/geometry';
import { cssTransform, type Matrix, times } from './matrix';
import { tilePicture } from './paint';
import { type SharpSource, type TileBlock, tileBlock } from './tileBlock';

type TileLayerProps = {
  readonly source: SharpSource;
  /** From picture to screen pixels. */
  readonly matrix: Matrix;
  readonly screen: Size;
  readonly isHidden?: boolean | undefined;
  readonly isPixelated: boolean;
};

export function TileLayer({ source, matrix, screen, isHidden, isPixelated }: TileLayerProps) {
  const block = tileBlock(source, matrix, screen, window.devicePixelRatio || 1);
  if (!block) return null;
  return (
    <Block
      source={source}
      block={block}
      style={{
        transform: cssTransform(times(matrix, placed(source, block))),
        visibility: isHidden ? 'hidden' : undefined,
        imageRendering: isPixelated ? 'pixelated' : undefined,
      }}
    />
  );
}

/** From pixels of the block to pixels of the picture. */
function placed({ tileSize }: SharpSource, { level, left, top }: TileBlock): Matrix {
  const scale = 2 ** level;
  return [
    [scale, 0, left * tileSize * scale],
    [0, scale, top * tileSize * scale],
    [0, 0, 1],
  ];
}

type BlockProps = {
  readonly source: SharpSource;
  readonly block: TileBlock;
  readonly style: React.CSSProperties;
};

/** Tiles side by side at their own size: no seam is seen, however the whole is laid. */
function Block({ source, block, style }: BlockProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { level, left, top, right, bottom } = block;
  useLayoutEffect(() => {
    const element = canvas.current;
    const brush = element?.getContext('2d');
    if (!element || !brush) return;
    let isStopped = false;
    const side = source.tileSize;
    element.width = Math.min(right * side, Math.ceil(source.width / 2 ** level)) - left * side;
    element.height = Math.min(bottom * side, Math.ceil(source.height / 2 ** level)) - top * side;
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++)
        tilePicture(source.url(level, x, y), (picture) => {
          if (!isStopped) brush.drawImage(picture, (x - left) * side, (y - top) * side);
        });
    return () => {
      isStopped = true;
    };
  }, [source, level, left, top, right, bottom]);
  return <canvas ref={canvas} style={style} />;
}
