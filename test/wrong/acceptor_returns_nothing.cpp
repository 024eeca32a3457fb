// what an acceptor does with a connection is a function that takes the socket
#include <coppice/acceptor.hpp>

void session(boost::asio::ip::tcp::socket);

const coppice::child_spec spec = coppice::acceptor({boost::asio::ip::tcp::v4(), 4000}, session);
