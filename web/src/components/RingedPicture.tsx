/** A picture with one place ringed; without a place, or before its size is known, plain. */

type RingedPictureProps = {
  readonly src: string;
  readonly alt: string;
  /** Of the image, in its own pixels; the picture may be smaller. */
  readonly size: { readonly width: number; readonly height: number } | null;
  readonly placeXy?: readonly [number, number] | undefined;
  /** Only this square around the place, in image pixels. */
  readonly around?: number;
};

const RING_SHARE = 0.07;

export function RingedPicture({ src, alt, size, placeXy, around }: RingedPictureProps) {
  if (!size || !placeXy) return <img className="ringed" src={src} alt={alt} loading="lazy" />;
  const [x, y] = placeXy;
  const { width, height } = size;
  const radius = RING_SHARE * (around ?? Math.max(width, height));
  const view = around
    ? `${x - around / 2} ${y - around / 2} ${around} ${around}`
    : `0 0 ${width} ${height}`;
  return (
    <svg className="ringed" viewBox={view} role="img" aria-label={alt}>
      <image href={src} width={width} height={height} preserveAspectRatio="none" />
      <circle className="ring-ground" cx={x} cy={y} r={radius} />
      <circle className="ring" cx={x} cy={y} r={radius} />
    </svg>
  );
}
