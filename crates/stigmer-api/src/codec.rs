//! The codec of all services: protobuf, measured before it is read.

use std::marker::PhantomData;

use prost::{Message, Name, bytes::Buf};
use tonic::{
    Status,
    codec::{BufferSettings, Codec, DecodeBuf, Decoder},
};
use tonic_prost::{ProstCodec, ProstDecoder, ProstEncoder};

use crate::footprint::{MAX_FOOTPRINT, footprint};

/// Writes `T` and reads `U`, if it takes at most [`MAX_FOOTPRINT`].
#[derive(Clone, Debug)]
pub(crate) struct Measured<T, U>(PhantomData<(T, U)>);

impl<T, U> Default for Measured<T, U> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<T, U> Codec for Measured<T, U>
where
    T: Message + Send + 'static,
    U: Message + Name + Default + Send + 'static,
{
    type Encode = T;
    type Decode = U;
    type Encoder = ProstEncoder<T>;
    type Decoder = MeasuredDecoder<U>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::default()
    }

    fn decoder(&mut self) -> Self::Decoder {
        MeasuredDecoder(ProstCodec::<T, U>::raw_decoder(BufferSettings::default()))
    }
}

/// Reads `U`.
#[derive(Clone, Debug)]
pub(crate) struct MeasuredDecoder<U>(ProstDecoder<U>);

impl<U: Message + Name + Default> Decoder for MeasuredDecoder<U> {
    type Item = U;
    type Error = Status;

    fn decode(&mut self, buf: &mut DecodeBuf<'_>) -> Result<Option<U>, Status> {
        // A message stands in one piece in tonic's buffer.
        if footprint::<U>(buf.chunk(), MAX_FOOTPRINT) > MAX_FOOTPRINT {
            // As gRPC refuses one that has too many bytes.
            return Err(Status::out_of_range(format!(
                "the message has {} bytes, and would take more than {} MiB once it was read: it has too many entries",
                buf.remaining(),
                MAX_FOOTPRINT >> 20
            )));
        }
        self.0.decode(buf)
    }

    fn buffer_settings(&self) -> BufferSettings {
        self.0.buffer_settings()
    }
}
